package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/post"
	"slicegate/views"
)

// mails lets the jobs send by runner/post.
type mails struct {
	post post.Post
	from string
}

// Send implements jobs.Post.
func (m mails) Send(ctx context.Context, letter jobs.Letter) (string, error) {
	id, err := m.post.Send(ctx, post.Letter{
		Key: letter.Key, From: m.from, To: []string{letter.To}, Subject: letter.Mail.Subject, HTML: letter.Mail.HTML, Text: letter.Mail.Text,
	})
	return id, inJobs(err)
}

// Fate implements jobs.Post. Whoever calls a mail spam gets no more of them.
func (m mails) Fate(ctx context.Context, id string) (jobs.Fate, error) {
	fate, err := m.post.Fate(ctx, id)
	switch fate {
	case post.Bounced, post.Complained:
		return jobs.Bounced, inJobs(err)
	case post.Pending:
		return jobs.Pending, inJobs(err)
	default:
		return jobs.Delivered, inJobs(err)
	}
}

// inJobs says in the jobs' types what an error means.
func inJobs(err error) error {
	var refused *post.RefusedError
	var temporary *post.TemporaryError
	switch {
	case errors.As(err, &refused) && refused.Bounced:
		return &jobs.BouncedError{Err: err}
	case errors.As(err, &refused):
		return &jobs.FatalError{Err: err}
	case errors.As(err, &temporary) && temporary.After > 0:
		return &jobs.LaterError{Err: err, After: temporary.After}
	}
	return err
}

func letterhead(settings config.Mail) views.Letterhead {
	return views.Letterhead{Brand: settings.Brand, AppURL: settings.AppURL, Contact: settings.Contact}
}

// terms are what mails say of money.
func terms(settings config.Billing) views.Terms {
	terms := views.Terms{Grace: settings.Grace, Retention: settings.Retention}
	if settings.On() {
		terms.Price = views.PriceWords(settings.Currency, settings.Price, strings.TrimPrefix(settings.LaunchPrice, "off"), settings.LaunchMonths)
	}
	return terms
}

func addMailWorkers(workers *river.Workers, settings config.Mail, billing config.Billing, pool *pgxpool.Pool) error {
	sender, err := post.New(settings, time.Now)
	if err != nil {
		return err
	}
	by := mails{sender, settings.From}
	head := letterhead(settings)
	head.Terms = terms(billing)
	river.AddWorker(workers, &jobs.SendEmail{
		Pool: pool, Post: by, Letterhead: head, Key: settings.LinkKey, Clock: time.Now,
	})
	river.AddWorker(workers, &jobs.FollowEmail{Pool: pool, Post: by, Clock: time.Now})
	river.AddWorker(workers, &jobs.TendEmails{Pool: pool, Clock: time.Now})
	return nil
}
