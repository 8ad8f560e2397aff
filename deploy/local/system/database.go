package system

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"slicegate/deploy/local/account"
	"slicegate/deploy/local/engine"
	"slicegate/deploy/local/image"
	"slicegate/deploy/local/postgres"
	"slicegate/deploy/local/process"
	"slicegate/migrations"
)

func (s *System) startPostgres(ctx context.Context, line func(string)) error {
	who, err := account.Service("postgres", "www-data")
	if err != nil {
		return err
	}
	password, err := s.state.Secret("postgres")
	if err != nil {
		return err
	}
	lines, err := s.lines("postgres")
	if err != nil {
		return err
	}
	s.database = postgres.Config{
		DataDir: s.state.Path("postgres"), Sockets: filepath.Join(s.state.RunDir, "postgres"), SliceSockets: filepath.Join(s.state.RunDir, "slices"),
		Account: who, Password: password, Throwaway: s.options.Throwaway, Killed: s.options.Restart > 0, Line: lines, Note: line,
	}
	if s.options.Throwaway {
		if err := os.RemoveAll(s.database.DataDir); err != nil {
			return err
		}
	}
	if err := postgres.Start(ctx, s.data, s.database); err != nil {
		return err
	}
	runner, functions, err := s.passwords()
	if err != nil {
		return err
	}
	return migrations.Bootstrap(ctx, s.database.SuperuserURL(), migrations.Passwords{Runner: runner, Functions: functions})
}

func (s *System) migrate(ctx context.Context, line func(string)) error {
	environment, err := s.runnerEnvironment()
	if err != nil {
		return err
	}
	return process.Run(ctx, process.Spec{Name: "runner migrate", Path: s.binary("runner"), Args: []string{"migrate"}, Env: environment, Line: line})
}

func (s *System) startEngine(ctx context.Context, _ func(string)) error {
	if s.Engine != nil {
		return nil
	}
	joined, err := engine.Join(ctx, engine.Options{})
	if err != nil {
		return err
	}
	s.Engine = joined
	return nil
}

// engineForRunner is the address that the runner is given, made once.
func (s *System) engineForRunner() (host string, err error) {
	if s.options.EngineFor == nil {
		return s.Engine.Host, nil
	}
	if s.runnerEngine == "" {
		s.runnerEngine, err = s.options.EngineFor(s.Engine.Host)
	}
	return s.runnerEngine, err
}

func (s *System) buildImage(ctx context.Context, line func(string)) error {
	if given := s.settings["SLICE_IMAGE"]; given != "" {
		s.image = given
		return nil
	}
	invoker, err := account.Invoker()
	if err != nil {
		return err
	}
	s.image, err = image.Builder{
		Docker: s.Engine.Client, Source: filepath.Join(s.options.Root, "slice"), Scratch: "/var/lib/slicegate/scratch",
		BuildDir: filepath.Join(s.options.Root, "var", "build"), Invoker: invoker, Line: line,
	}.Slice(ctx, image.For(s.settings["WA_ENGINE"]))
	return err
}

func (s *System) passwords() (runner, functions string, err error) {
	if runner, err = s.state.Secret("runner"); err != nil {
		return "", "", err
	}
	functions, err = s.state.Secret("functions")
	return runner, functions, err
}

// key is a secret of the state folder, unless the environment gives it or its file.
func (s *System) key(environment map[string]string, name, file string) error {
	if s.settings[name] != "" || s.settings[name+"_FILE"] != "" {
		return nil
	}
	secret, err := s.state.Secret(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	environment[name] = secret
	return nil
}

func (s *System) binary(name string) string { return filepath.Join(s.options.Root, "bin", name) }
