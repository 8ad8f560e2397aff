package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Economics are what the operator reckons with, to be held against what is.
type Economics struct {
	ServerCost   string `env:"SERVER_COST" envDefault:"40.40" help:"what a server costs a month, in the currency of the prices"`
	TargetSlices Target `env:"TARGET_SLICES" envDefault:"60-80" help:"how many slices that are paid for a server is to have, from and to"`
}

func (e Economics) check() error {
	return errors.Join(
		check(amount.MatchString(e.ServerCost), "SERVER_COST must be an amount, such as 40.40"),
		check(e.TargetSlices.From >= 1 && e.TargetSlices.From <= e.TargetSlices.To, "TARGET_SLICES must be two numbers of slices, such as 60-80"),
	)
}

// Target is from how many to how many, written "60-80".
type Target struct{ From, To int }

// UnmarshalText reads "60-80".
func (t *Target) UnmarshalText(text []byte) error {
	first, last, found := strings.Cut(string(text), "-")
	from, fromErr := strconv.Atoi(first)
	to, toErr := strconv.Atoi(last)
	if !found || fromErr != nil || toErr != nil {
		return fmt.Errorf("%q must be two numbers, such as 60-80", text)
	}
	t.From, t.To = from, to
	return nil
}
