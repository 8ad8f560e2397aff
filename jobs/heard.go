package jobs

import (
	"context"
	"log/slog"
	"time"
)

// heard is when WhatsApp was last heard of: by an event that the slice's backend tells of, or by a
// packet to or from it, its keepalives among them. nil: not yet. A server that cannot count packets
// has the events alone.
func (h Hands) heard(ctx context.Context, container Container, status Status) *time.Time {
	last := status.LastEventAt
	group, _, err := h.Gauges.Usage(container)
	if err != nil {
		return last
	}
	counted, err := h.Traffic.Read(ctx)
	if err != nil {
		slog.DebugContext(ctx, "keepalives are not seen", "slice", container.Slice, "error", err.Error())
		return last
	}
	if packet := counted[group].Upstream.Last; !packet.IsZero() && (last == nil || packet.After(*last)) {
		last = &packet
	}
	return last
}
