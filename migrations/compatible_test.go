package migrations_test

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"slicegate/migrations"
	"slicegate/store/storetest"
)

// column is what a program that was written before a migration relies on.
type column struct {
	Type     string
	Optional bool // an INSERT may leave it out
}

// A slice's schema is migrated before its new container starts, and a rollback starts the one before on
// it: each migration must leave everything as the previous image knows it, and ask nothing new of it.
func TestSliceMigrationsAreCompatibleWithThePreviousImage(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), storetest.New(t)
	names, err := fs.Glob(migrations.Files(), "slice/*.sql")
	if err != nil || len(names) < 2 {
		t.Fatalf("%v, %v", names, err)
	}
	var steps []string
	for _, name := range names {
		text, err := fs.ReadFile(migrations.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(text), "---- create above")
		steps = append(steps, up)
	}
	check := func(schema string, steps []string) (broken []string) {
		tx, err := db.Pool.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(ctx) }()
		if _, err := tx.Exec(ctx, fmt.Sprintf("CREATE SCHEMA %s; SET LOCAL search_path = %s", schema, schema)); err != nil {
			t.Fatal(err)
		}
		before, rules := map[string]column{}, map[string][]string{}
		for i, step := range steps {
			if _, err := tx.Exec(ctx, step); err != nil {
				t.Fatalf("step %d: %v", i+1, err)
			}
			now, nowRules := columns(t, tx, schema), constraints(t, tx, schema)
			broken = append(broken, breaks(before, now, rules, nowRules)...)
			before, rules = now, nowRules
		}
		return broken
	}
	if broken := check("every_step", steps); len(broken) > 0 {
		t.Errorf("the image before does not work on the new schema:\n%s", strings.Join(broken, "\n"))
	}
	for step, want := range map[string]string{
		"ALTER TABLE messages DROP COLUMN text":                             "messages.text is gone",
		"ALTER TABLE messages RENAME COLUMN text TO body":                   "messages.text is gone",
		"DROP TABLE engine_state":                                           "engine_state.key is gone",
		"ALTER TABLE chats ALTER COLUMN unread TYPE bigint":                 "chats.unread is bigint",
		"ALTER TABLE chats ALTER COLUMN phone_number SET NOT NULL":          "chats.phone_number must be given",
		"ALTER TABLE chats ADD COLUMN color text NOT NULL":                  "chats.color must be given",
		"ALTER TABLE chats ADD CHECK (length(name) < 10)":                   "chats: a new rule on name",
		"ALTER TABLE contacts ADD UNIQUE (phone_number)":                    "contacts: a new rule on phone_number",
		"ALTER TABLE chats ADD COLUMN muted boolean NOT NULL DEFAULT false": "",
		"ALTER TABLE chats ADD COLUMN size int CHECK (size > 0)":            "",
		"CREATE TABLE labels (id text PRIMARY KEY, name text NOT NULL)":     "",
	} {
		broken := strings.Join(check("one_more", append(steps[:len(steps):len(steps)], step)), "\n")
		if want == "" && broken != "" || !strings.Contains(broken, want) {
			t.Errorf("%s: %q, want %q", step, broken, want)
		}
	}
}

// breaks are what a program of before would stumble over.
func breaks(before, now map[string]column, rules, nowRules map[string][]string) (broken []string) {
	tables := map[string]bool{}
	for name, was := range before {
		table, _, _ := strings.Cut(name, ".")
		tables[table] = true
		is, there := now[name]
		switch {
		case !there:
			broken = append(broken, name+" is gone")
		case is.Type != was.Type:
			broken = append(broken, fmt.Sprintf("%s is %s, and was %s", name, is.Type, was.Type))
		case was.Optional && !is.Optional:
			broken = append(broken, name+" must be given")
		}
	}
	for name, is := range now {
		table, _, _ := strings.Cut(name, ".")
		if _, there := before[name]; !there && tables[table] && !is.Optional {
			broken = append(broken, name+" must be given")
		}
	}
	for rule, on := range nowRules {
		table, isNew := path.Dir(rule), func(name string) bool { _, there := before[path.Dir(rule)+"."+name]; return !there }
		// One that is also on a new column holds for rows that the program of before writes.
		if _, there := rules[rule]; !there && tables[table] && !slices.ContainsFunc(on, isNew) {
			broken = append(broken, fmt.Sprintf("%s: a new rule on %s", table, strings.Join(on, ", ")))
		}
	}
	return broken
}

// columns are those of a schema, as table.column.
func columns(t *testing.T, tx pgx.Tx, schema string) map[string]column {
	t.Helper()
	rows, err := tx.Query(context.Background(), `SELECT table_name || '.' || column_name, data_type, is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES'
		FROM information_schema.columns WHERE table_schema = $1`, schema)
	if err != nil {
		t.Fatal(err)
	}
	all, name, one := map[string]column{}, "", column{}
	if _, err := pgx.ForEachRow(rows, []any{&name, &one.Type, &one.Optional}, func() error {
		all[name] = one
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// constraints are the columns that each of a schema's is on, by table/name.
func constraints(t *testing.T, tx pgx.Tx, schema string) map[string][]string {
	t.Helper()
	rows, err := tx.Query(context.Background(), `SELECT c.conrelid::regclass::text || '/' || c.conname,
			ARRAY(SELECT attname::text FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey))
		FROM pg_constraint c WHERE c.connamespace = $1::text::regnamespace AND c.conrelid <> 0`, schema)
	if err != nil {
		t.Fatal(err)
	}
	all, name, on := map[string][]string{}, "", []string(nil)
	if _, err := pgx.ForEachRow(rows, []any{&name, &on}, func() error {
		all[name], on = on, nil
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
