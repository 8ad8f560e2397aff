// Command compile makes the probe's object file, and the Go code that embeds it, of count.c.
// `go generate ./runner/probe` calls it.
//
// Two versions of clang make different instructions of the same source. So that a checkout does not
// change with the machine, the object is written anew only if the source changed, or by the version
// that wrote it; any other version has to compile the source, and leaves the object as it is. With or
// without clang, source and object have to be those that belong together by their hashes.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	bpf2go = "github.com/cilium/ebpf/cmd/bpf2go@v0.22.0"
	source = "count.c"
	stem   = "count"
	code   = "count_bpfel.go"
	object = "count_bpfel.o"
	record = "count_bpfel.txt" // of what the object was made, its own hash, and by what
)

// flags are the compiler's that change what comes out.
var flags = []string{"-O2", "-Wall", "-Werror"}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "compile:", err)
		os.Exit(1)
	}
}

func run() error {
	recorded, err := os.ReadFile(record)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	found, err := sums()
	if err != nil {
		return err
	}
	current := strings.HasPrefix(string(recorded), found)

	if missing := missing(); missing != "" {
		if current {
			fmt.Printf("%s is not here: %s was not compiled, but is what the object was made of\n", missing, source)
			return nil
		}
		return fmt.Errorf("%s and %s do not belong together, and %s is not here to compile: apt-get install clang llvm libbpf-dev", source, object, missing)
	}
	output, err := exec.Command("clang", "--version").Output()
	if err != nil {
		return fmt.Errorf("clang --version: %w", err)
	}
	version, _, _ := strings.Cut(string(output), "\n")
	if !current || string(recorded) == found+version+"\n" {
		if err := compile("."); err != nil {
			return err
		}
		made, err := sums()
		if err != nil {
			return err
		}
		return os.WriteFile(record, []byte(made+version+"\n"), 0o644)
	}

	scratch, err := os.MkdirTemp("", "probe")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := compile(scratch); err != nil {
		return err
	}
	before, err := os.ReadFile(code)
	if err != nil {
		return err
	}
	after, err := os.ReadFile(filepath.Join(scratch, code))
	if err != nil {
		return err
	}
	if !bytes.Equal(before, after) {
		return fmt.Errorf("%s is not what comes of %s: delete %s and run this again", code, source, record)
	}
	fmt.Printf("%s compiles here too; the object stays the one of\n%s", source, recorded)
	return nil
}

// sums are the hashes of the source, with all that is set here, and of the object.
func sums() (string, error) {
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	made, err := os.ReadFile(object)
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	return fmt.Sprintf("%x  %s\n%x  %s\n", sha256.Sum256(fmt.Append(text, bpf2go, flags)), source, sha256.Sum256(made), object), nil
}

// missing is what it takes to compile and is not here.
func missing() string {
	for _, program := range []string{"clang", "llvm-strip"} {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	for _, header := range []string{"/usr/include/bpf/bpf_helpers.h", filepath.Join(headers(), "asm/types.h")} {
		if _, err := os.Stat(header); err != nil {
			return header
		}
	}
	return ""
}

// headers is where Debian keeps the kernel's headers of this processor.
func headers() string {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	return "/usr/include/" + machine + "-linux-gnu"
}

func compile(into string) error {
	args := []string{"run", bpf2go, "-go-package", "probe", "-target", "bpfel", "-no-global-types", "-output-dir", into, stem, source, "--"}
	cmd := exec.Command("go", append(append(args, flags...), "-I"+headers())...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
