package chaos

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// echo is an engine that repeats every line.
func echo(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "real.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					conn.Write(append(lines.Bytes(), '\n'))
				}
			}()
		}
	}()
	return "unix://" + path
}

func TestTheWayToTheEngineCanBeMadeSlowAndBroken(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "path-") // a test's own folder can be longer than a socket's path may be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path, err := newEnginePath(dir, echo(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("unix", path.host()[len("unix://"):])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		return conn
	}
	ask := func(conn net.Conn) error {
		if _, err := conn.Write([]byte("hello\n")); err != nil {
			return err
		}
		_, err := bufio.NewReader(conn).ReadString('\n')
		return err
	}
	conn := dial()
	if err := ask(conn); err != nil {
		t.Fatal(err)
	}

	path.slow(300 * time.Millisecond)
	began := time.Now()
	if err := ask(conn); err != nil || time.Since(began) < 300*time.Millisecond {
		t.Fatalf("a slow answer took %s, %v", time.Since(began), err)
	}
	path.slow(time.Hour)
	held := make(chan error, 1)
	go func() { held <- ask(conn) }()
	select {
	case err := <-held:
		t.Fatalf("it was not held: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	path.slow(0)
	if err := <-held; err != nil {
		t.Fatalf("what was held back did not come when the fault was over: %v", err)
	}

	path.cut(true)
	if ask(conn) == nil || ask(dial()) == nil {
		t.Fatal("a connection is left, or was made, while they are cut")
	}
	path.cut(false)
	if err := ask(dial()); err != nil {
		t.Fatal(err)
	}
	path.close()
}
