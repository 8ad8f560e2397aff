package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"slicegate/config"
	"slicegate/runner/contract"
)

const checkImageUsage = `runner check-image IMAGE [-engine webjs|simulated]: asks an image whether it can be a slice.

It runs in a schema, directories and a network of its own, all of which are taken away again`

// checkImage prints what an image keeps of the contract and what it breaks, line by line as it
// is found. It fails if something is broken.
func checkImage(ctx context.Context, settings config.Runner, args []string) error {
	flags := flag.NewFlagSet("check-image", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	engine := flags.String("engine", settings.WAEngine, "")
	var images []string
	for rest := args; ; {
		if err := flags.Parse(rest); err != nil {
			return fmt.Errorf("%w\n%s", err, checkImageUsage)
		}
		if flags.NArg() == 0 {
			break
		}
		images, rest = append(images, flags.Arg(0)), flags.Args()[1:]
	}
	if len(images) != 1 || *engine != "webjs" && *engine != "simulated" {
		return errors.New(checkImageUsage)
	}
	settings.WAEngine = *engine
	_, err := showCheck(ctx, settings, images[0], os.Stdout)
	return err
}

// showCheck prints what an image keeps and breaks, and gives the same in words. It fails if something is broken.
func showCheck(ctx context.Context, settings config.Runner, image string, to io.Writer) (said string, err error) {
	var lines []string
	counts := map[contract.Mark]int{}
	kept, err := askImage(ctx, settings, image, func(found contract.Finding) {
		counts[found.Mark]++
		lines = append(lines, plain(found))
		fmt.Fprintln(to, line(found))
	})
	if err != nil {
		return "", err
	}
	fmt.Fprintf(to, "\n%d kept, %d broken, %d lacking, %d not asked\n",
		counts[contract.Keeps], counts[contract.Breaks], counts[contract.Lacks], counts[contract.Unasked])
	if !kept {
		return "", fmt.Errorf("%s breaks the slice contract; docs/slice-contract.md says what is asked for", image)
	}
	return strings.Join(lines, "\n"), nil
}

func line(found contract.Finding) string {
	text := fmt.Sprintf("%-10s %-14s %s", found.Mark, found.Part, found.Promise)
	if found.Seen != "" {
		text += "\n" + fmt.Sprintf("%25s %s", "", found.Seen)
	}
	return text
}
