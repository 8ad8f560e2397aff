package postgres

import (
	"fmt"
	"os"
	"path/filepath"
)

// access says who may come in: the system's two roles to its database, a slice's role to
// the slices' database, and the superuser; by password, over the Unix socket.
const access = `local slicegate slicegate,slicegate_functions scram-sha-256
local slices    slicegate,+slice              scram-sha-256
local all       postgres                      scram-sha-256
`

// accessForTests lets the roles into the databases that tests make for themselves.
const accessForTests = access + "local all all scram-sha-256\n"

// settings are the whole of postgresql.conf: 200 slices with two connections each, and
// the system's own.
func (c Config) settings() string {
	text := fmt.Sprintf(`listen_addresses = ''
unix_socket_directories = '%s,%s'
unix_socket_permissions = 0777
port = %d
max_connections = 500
superuser_reserved_connections = 10
password_encryption = 'scram-sha-256'
shared_buffers = 128MB
dynamic_shared_memory_type = posix
max_wal_size = 1GB
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C.UTF-8'
log_checkpoints = off
log_line_prefix = '%%q%%u@%%d '
`, c.Sockets, c.SliceSockets, port)
	if c.Throwaway {
		text += "fsync = off\nfull_page_writes = off\n"
	}
	// A commit that is only in the server's own memory goes with its processes; in the kernel's it stays.
	if c.Throwaway && !c.Killed {
		text += "synchronous_commit = off\n"
	}
	return text
}

// writeFiles writes the cluster's configuration anew, so that an old data folder gets
// what this version of the system wants.
func (c Config) writeFiles() error {
	rules := access
	if c.Throwaway && c.AnyDatabase {
		rules = accessForTests
	}
	for name, text := range map[string]string{"postgresql.conf": c.settings(), "pg_hba.conf": rules, "pg_ident.conf": "", "postgresql.auto.conf": ""} {
		path := filepath.Join(c.DataDir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		if err := os.Chown(path, int(c.Account.UID), int(c.Account.GID)); err != nil {
			return err
		}
	}
	return nil
}
