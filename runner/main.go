// Command runner works the jobs of one server and carries the operator's commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"slicegate/config"
	"slicegate/config/observe"
	"slicegate/migrations"
	"slicegate/store"
)

const usage = `runner: works the jobs of one server.

  runner work      work jobs until SIGTERM; slices run on
  runner migrate   bring the gateway's schema and River's to the newest version
  runner check-image IMAGE [-engine webjs|simulated]
                   ask an image whether it can be a slice
  runner slice list
                   show the slices of all servers
  runner slice suspend|resume|recycle N
                   stop a slice and keep its data; the way back, also of one that has
                   failed; restart it in order
  runner slice move N
                   take its user and data to a new slice of the same server
  runner slice destroy N -yes
                   delete a slice with all of its data, for good
  runner account show EMAIL
                   what an account has, owes and was told
  runner account extend EMAIL -days N
                   let it run for so much longer without paying; once its trial is
                   over, from now
  runner account release EMAIL
                   let it run although a payment is disputed
  runner account forget EMAIL -yes
                   delete it with its slice and all data, now and for good
  runner rollout IMAGE
                   check an image, then take every slice to it: one first, then in batches
  runner rollout -slice N IMAGE
                   check an image, then take that customer's slice alone to it
  runner rollout status|pause|resume|abort
                   how far it is; begin nothing more; go on; end it where it is
  runner rollout --rollback
                   take every slice of the last rollout back to where it came from
  runner reclaim status
                   what was pushed to swap of each slice, and what each needs
  runner reclaim now N
                   push a slice out at once, unless its user is there
  runner reclaim exempt N
                   leave one slice's memory alone
  runner reclaim pause
                   leave all slices of this server alone
  runner reclaim resume [N]
                   go on, with a slice that is exempt or with this server
  runner swap status|setup|unit|remove
                   the swap that idle slices are pushed to; without a word: how
  runner answers [-days N] [-json]
                   what the telemetry says to the questions that it is kept for
  runner admin add EMAIL
                   make an account an admin, and give the code to set up the second
                   factor with
  runner admin remove EMAIL
                   make an admin an account like others; takes the second factor away
  runner admin list
                   show who is an admin
  runner alerts    show what a person has to know now
  runner alerts silence -for 2h -reason WHY [-in 1h] [-kind KIND] [-subject slice:12]
                   tell nobody of some alerts, or of any: a maintenance window
  runner alerts silences|unsilence N
                   list the silences; end one
  runner stripe-setup [-webhook https://app.example.com/billing/webhook]
                   make, or find, what is sold in your account at Stripe

Settings come from the environment; the README has a table of them`

func main() {
	ctx, stop := signalContext()
	defer stop()
	if err := Run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
		os.Exit(1)
	}
}

func signalContext() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}

// Run carries out one command line.
func Run(ctx context.Context, args []string) error {
	commands := map[string]func(context.Context, []string) error{
		"work":        configured(alone(work)),
		"migrate":     configured(alone(migrate)),
		"check-image": configured(checkImage),
		"slice":       configured(slice),
		"account":     configured(account),
		"rollout":     configured(rollout),
		"reclaim":     configured(reclaimCommand),
		"answers":     configured(answer),
		"alerts":      configured(alerts),
		"admin":       configured(admin),
		"swap":        swapTo(os.Stdout), // a server is set up before it has settings

		"stripe-setup": stripeSetupTo(os.Stdout, os.Environ),
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return errors.New(usage)
	}
	return commands[args[0]](ctx, args[1:])
}

// configured is a command that needs the settings.
func configured(command func(context.Context, config.Runner, []string) error) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		settings, err := config.LoadRunner()
		if err != nil {
			return err
		}
		var level slog.Level
		if err := level.UnmarshalText([]byte(settings.LogLevel)); err != nil {
			return fmt.Errorf("LOG_LEVEL must be debug, info, warn or error, not %q", settings.LogLevel)
		}
		slog.SetDefault(slog.New(observe.Logs(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))))
		return command(ctx, settings, args)
	}
}

// alone is a command without arguments.
func alone(command func(context.Context, config.Runner) error) func(context.Context, config.Runner, []string) error {
	return func(ctx context.Context, settings config.Runner, args []string) error {
		if len(args) > 0 {
			return errors.New(usage)
		}
		return command(ctx, settings)
	}
}

func migrate(ctx context.Context, settings config.Runner) error {
	pool, err := store.Open(ctx, settings.DatabaseURL, 0)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrations.Gateway(ctx, pool)
}
