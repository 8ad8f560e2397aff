package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"slicegate/config"
	"slicegate/runner/swap"
)

const swapUsage = `runner swap: the swap that this server's idle slices are pushed to. It needs root and no other settings.

  runner swap status
                   what there is, and what of the kernel's is lacking
  runner swap setup [-kind auto|zswap|zram|file] [-size 96G] [-file /var/lib/slicegate/swap] [-compressor zstd] [-pool 70]
                   make it so; nothing is done where it is so already. The pool is the percent of the RAM that
                   zswap may fill with compressed pages before it writes to the file
  runner swap unit [the same]
                   print a systemd unit that sets it up at each start of the server
  runner swap remove
                   take back what is in it, and put the kernel's settings back`

func swapTo(to io.Writer) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error { return swapCommand(ctx, args, to) }
}

// swapCommand is one of those above. It is asked for before there is a database, by a unit too.
func swapCommand(ctx context.Context, args []string, to io.Writer) error {
	if len(args) == 0 {
		return errors.New(swapUsage)
	}
	takesConfig := args[0] == "setup" || args[0] == "unit"
	if !takesConfig && len(args) > 1 {
		return errors.New(swapUsage)
	}
	wanted, err := parseSwap(args[1:])
	if err != nil {
		return err
	}
	switch args[0] {
	case "status":
		state, err := swap.Status(ctx)
		if err != nil {
			return err
		}
		return showSwap(state, to)
	case "setup":
		state, err := swap.Setup(ctx, wanted)
		if err != nil {
			return err
		}
		return showSwap(state, to)
	case "unit":
		binary, err := os.Executable()
		if err != nil {
			return err
		}
		_, err = io.WriteString(to, swap.Unit(binary, wanted))
		return err
	case "remove":
		return swap.Remove(ctx)
	default:
		return errors.New(swapUsage)
	}
}

func parseSwap(args []string) (swap.Config, error) {
	var wanted swap.Config
	flags := flag.NewFlagSet("swap", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("kind", "", func(kind string) error {
		wanted.Kind = swap.Kind(kind)
		return wanted.Kind.Check()
	})
	flags.Func("size", "", func(size string) error {
		var bytes config.Bytes
		err := bytes.UnmarshalText([]byte(size))
		wanted.Size = int64(bytes)
		return err
	})
	flags.StringVar(&wanted.File, "file", "", "")
	flags.StringVar(&wanted.Compressor, "compressor", "", "")
	flags.Func("pool", "", func(percent string) error {
		var err error
		if wanted.Pool, err = strconv.Atoi(percent); err != nil {
			return fmt.Errorf("%q is no percent", percent)
		}
		return swap.CheckPool(wanted.Pool)
	})
	if err := flags.Parse(args); err != nil {
		return wanted, fmt.Errorf("%w\n\n%s", err, swapUsage)
	}
	if flags.NArg() > 0 {
		return wanted, errors.New(swapUsage)
	}
	return wanted, nil
}

func showSwap(state swap.State, to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if state.Kind == "" {
		fmt.Fprintln(table, "slices' swap\tnone: `runner swap setup` makes it")
	} else {
		fmt.Fprintf(table, "slices' swap\t%s, %s\n", state.Kind, state.Path)
		fmt.Fprintf(table, "in use\t%s of %s\n", megabytes(state.Used), megabytes(state.Size))
		if state.Compressor != "" {
			fmt.Fprintf(table, "compressed with\t%s\n", state.Compressor)
		}
	}
	switch {
	case state.Pool > 0:
		fmt.Fprintf(table, "RAM for compressed pages\t%s, at most %d %% of the server's\n", megabytes(state.RAM), state.Pool)
	case state.RAM > 0:
		fmt.Fprintf(table, "RAM for compressed pages\t%s\n", megabytes(state.RAM))
	}
	for _, other := range state.Others {
		fmt.Fprintf(table, "other swap\t%s, %s of %s, priority %d\n", other.Path, megabytes(other.Used), megabytes(other.Size), other.Priority)
	}
	fmt.Fprintf(table, "vm.swappiness, vm.page-cluster\t%d, %d\n", state.Swappiness, state.PageCluster)
	for _, lacking := range state.Lacks {
		fmt.Fprintf(table, "lacking\t%s\n", lacking)
	}
	return table.Flush()
}
