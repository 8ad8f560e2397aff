// Command stripe-stand-in serves the stand-in of Stripe, for development and for tests in a browser. It is no part
// of an installation.
//
//	go run ./payments/standin/stripe-stand-in -listen 127.0.0.1:12111 -webhook http://app.localhost:8080/billing/webhook -secret-file F
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"slicegate/payments/standin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "the stand-in of Stripe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("stand-in", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:12111", "where it listens: an address on loopback")
	webhook := flags.String("webhook", "", "the address that it tells its events; empty: nobody")
	secretFile := flags.String("secret-file", "", "a file with the webhook's signing secret (whsec_…)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	secret := ""
	if *webhook != "" {
		content, err := os.ReadFile(*secretFile)
		if err != nil {
			return fmt.Errorf("the webhook's secret: %w", err)
		}
		if secret = strings.TrimSpace(string(content)); !strings.HasPrefix(secret, "whsec_") {
			return errors.New("the secret in -secret-file must begin with whsec_")
		}
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	if at := listener.Addr().(*net.TCPAddr); !at.IP.IsLoopback() {
		return errors.Join(errors.New("-listen must be an address on loopback, such as 127.0.0.1:12111"), listener.Close())
	}
	return serve(ctx, listener, *webhook, secret)
}

func serve(ctx context.Context, listener net.Listener, webhook, secret string) error {
	stripe := standin.New(standin.Options{URL: "http://" + listener.Addr().String()})
	server := &http.Server{Handler: stripe, ReadHeaderTimeout: 10 * time.Second}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	if webhook != "" {
		group.Go(func() error {
			if err := stripe.Deliver(ctx, webhook, secret); ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	fmt.Println("The stand-in of Stripe listens at http://" + listener.Addr().String())
	return group.Wait()
}
