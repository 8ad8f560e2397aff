package vm

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// archive writes the kernel's own format of an initramfs: cpio, "newc" (initramfs/buffer-format in the
// kernel's documentation). Its first error is kept for close.
type archive struct {
	to      *bufio.Writer
	written int64
	inode   int
	err     error
}

func newArchive(to io.Writer) *archive { return &archive{to: bufio.NewWriterSize(to, 1<<20)} }

const (
	kindDirectory = 0o040000
	kindFile      = 0o100000
	kindDevice    = 0o020000
)

func (a *archive) directory(name string) { a.entry(name, kindDirectory|0o755, 0, 0, nil) }

// console is the device that the first process's output goes to.
func (a *archive) console(name string) { a.entry(name, kindDevice|0o600, 0, 5<<8|1, nil) }

// file takes a file of this machine, as a program.
func (a *archive) file(name, from string) {
	content, err := os.ReadFile(from)
	if err != nil && a.err == nil {
		a.err = err
	}
	a.content(name, content, 0o755)
}

// program takes a program with the shared libraries that it is linked to. Those go where the loader looks
// without being told.
func (a *archive) program(name, from string) error {
	a.file(name, from)
	output, err := exec.Command("ldd", from).Output()
	if err != nil {
		return fmt.Errorf("the libraries of %s: %w", from, err)
	}
	for line := range strings.Lines(string(output)) { // NAME => PATH (ADDRESS), or of the loader PATH (ADDRESS)
		fields := strings.Fields(line)
		switch {
		case len(fields) > 2 && fields[1] == "=>" && strings.HasPrefix(fields[2], "/"):
			a.file("lib/"+fields[0], fields[2])
		case strings.HasPrefix(fields[0], "/"):
			a.file(strings.TrimPrefix(fields[0], "/"), fields[0])
		}
	}
	return nil
}

func (a *archive) content(name string, content []byte, mode int) {
	a.entry(name, kindFile|mode, len(content), 0, content)
}

func (a *archive) entry(name string, mode, size, device int, content []byte) {
	a.inode++
	a.write([]byte(fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		a.inode, mode, 0, 0, 1, 0, size, 0, 0, device>>8, device&0xff, len(name)+1, 0, name)))
	a.pad()
	a.write(content)
	a.pad()
}

func (a *archive) write(bytes []byte) {
	if a.err == nil {
		_, a.err = a.to.Write(bytes)
	}
	a.written += int64(len(bytes))
}

func (a *archive) pad() { a.write(make([]byte, -a.written&3)) }

func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, 0, 0, nil)
	if a.err != nil {
		return a.err
	}
	return a.to.Flush()
}
