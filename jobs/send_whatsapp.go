package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"slicegate/views"
)

// SendWhatsAppArgs asks for a customer to be told something in their own WhatsApp, through their own slice.
type SendWhatsAppArgs struct {
	Server string      `json:"server"`
	Slice  int64       `json:"slice"`
	Told   []toldAlert `json:"told"` // about their slice; nothing that only they may know
	At     time.Time   `json:"at"`
}

// Kind names the job.
func (SendWhatsAppArgs) Kind() string { return "send_whatsapp" }

// InsertOpts sends the job to the slice's server.
func (a SendWhatsAppArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), UniqueOpts: onceEach}
}

// key is the same at each try, and the slice sends it once.
func (a SendWhatsAppArgs) key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", a.Slice, a.At.UnixMicro()))
	return "alert-" + hex.EncodeToString(sum[:12])
}

// SendWhatsApp hands the message to the slice, which sends it as it sends everything.
type SendWhatsApp struct {
	river.WorkerDefaults[SendWhatsAppArgs]
	Containers Containers
	Letterhead views.Letterhead
	Clock      Clock
}

// What was not told by then is no news.
const whatsAppWithin = time.Hour

// NextRetry is soon.
func (w *SendWhatsApp) NextRetry(job *river.Job[SendWhatsAppArgs]) time.Time {
	return soon(job.Attempt)
}

// Work tells it, unless the slice's WhatsApp stays away for too long.
func (w *SendWhatsApp) Work(ctx context.Context, job *river.Job[SendWhatsAppArgs]) error {
	args := job.Args
	running, up, err := w.Containers.Find(ctx, args.Slice)
	if err == nil && !up {
		err = ErrNotConnected
	}
	if err == nil {
		err = w.Containers.Tell(ctx, running, views.WhatsAppText(w.Letterhead, inWords(args.Told)), args.key())
	}
	switch {
	case err == nil:
		return nil
	case isFatal(err), w.Clock().Sub(args.At) > whatsAppWithin:
		return river.JobCancel(fmt.Errorf("tell slice %d: %w", args.Slice, err))
	case errors.Is(err, ErrNotConnected):
		return river.JobSnooze(time.Minute)
	default:
		return fmt.Errorf("tell slice %d: %w", args.Slice, err)
	}
}
