package main

import (
	"strings"
	"testing"

	"slicegate/runner/swap"
)

func TestSwapCommands(t *testing.T) {
	t.Parallel()
	for line, wanted := range map[string]string{
		"":                         "runner swap: ",
		"down":                     "runner swap: ",
		"status now":               "runner swap: ",
		"setup now":                "runner swap: ",
		"setup -kind tape":         `"tape" is no kind of swap`,
		"setup -size 1T":           `"1T" is no size`,
		"setup -colour red":        "-colour",
		"unit -kind zram -size":    "needs an argument",
		"remove -kind file":        "runner swap: ",
		"unit -kind zram -size -1": "is no size",
		"unit -pool half":          `"half" is no percent`,
		"unit -pool 0":             "from 1 to 100 percent of the RAM, not 0",
		"unit -pool 101":           "from 1 to 100 percent of the RAM, not 101",
	} {
		err := swapCommand(t.Context(), strings.Fields(line), t.Output())
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("runner swap %s: %v, not %q", line, err, wanted)
		}
	}
	var unit strings.Builder
	if err := swapCommand(t.Context(), strings.Fields("unit -kind zswap -size 96G -file /srv/swap -pool 40"), &unit); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(unit.String(), " swap setup -kind zswap -size 103079215104 -file /srv/swap -pool 40\n") {
		t.Error(unit.String())
	}
}

func TestSwapIsShownInWords(t *testing.T) {
	t.Parallel()
	for wanted, state := range map[string]swap.State{
		"none: `runner swap setup`":            {},
		"zram, /dev/zram0":                     {Kind: swap.Zram, Path: "/dev/zram0", Size: 96 << 20},
		"10 MB of 96 MB":                       {Kind: swap.File, Used: 10 << 20, Size: 96 << 20},
		"lzo-rle":                              {Kind: swap.Zram, Compressor: "lzo-rle"},
		"/swapfile, 1 MB of 2 MB":              {Others: []swap.Area{{Path: "/swapfile", Used: 1 << 20, Size: 2 << 20}}},
		swap.ErrNoZswap.Error():                {Lacks: []string{swap.ErrNoZswap.Error()}},
		"RAM for compressed pages        3 MB": {RAM: 3 << 20},
		"5 MB, at most 70 % of the server's":   {Kind: swap.Zswap, RAM: 5 << 20, Pool: 70},
	} {
		var shown strings.Builder
		if err := showSwap(state, &shown); err != nil || !strings.Contains(shown.String(), wanted) {
			t.Errorf("%+v is shown without %q, %v:\n%s", state, wanted, err, shown.String())
		}
	}
}
