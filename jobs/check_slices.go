package jobs

import (
	"fmt"
	"time"

	"slicegate/jobs/alerts"
	"slicegate/store"
)

// checked is what a check knows of one slice.
type checked struct {
	row       store.Slice
	container Container
	there     bool                 // it has one, running or not
	upstream  *store.UpstreamOfRow // nil: its packets are not counted
	kills     int64                // in killedWithin
	extra     int64                // storage that its user has bought, in bytes
}

// A container that is being started anew in order is down for a moment; one that does not come back is down.
const recycleWithin = 3 * time.Minute

// sliceFindings are all conditions of a slice that has a user and should run. Of others there are none, and
// what was found of them before ends with that.
func sliceFindings(c checked, t Thresholds, quota, memory int64, now time.Time) []alerts.Finding {
	if c.row.Status != "assigned" {
		return nil
	}
	up := c.there && c.container.Running
	fresh := up && now.Sub(c.container.StartedAt) < startsWithin
	return []alerts.Finding{
		c.down(up, now), c.silent(up, fresh), c.pageDead(up), c.disconnected(up), c.mute(up, t, now),
		c.memory(up, t, memory), c.storage(t, quota), c.killed(),
	}
}

func (c checked) found(kind string, is alerts.Is) alerts.Finding {
	return alerts.Finding{Key: alerts.Key{Kind: kind, Subject: subjectSlice(c.row.ID)}, Is: is, User: c.row.UserID}
}

// down is also one that runs again and has not done so for long enough: reconcile starts what has
// crashed within seconds, and crash upon crash is one alert.
func (c checked) down(up bool, now time.Time) alerts.Finding {
	f := c.found(alertSliceDown, alerts.Good)
	restarting := c.row.RecycleAt != nil && now.Sub(*c.row.RecycleAt) < recycleWithin
	switch {
	case up && c.row.Crashes > 0:
		f.Is, f.Cause = alerts.Bad, "crashed"
		f.Detail = fmt.Sprintf("Slice %d stopped by itself and was started again. It is watched for %d minutes; the runner's log has its last words.", c.row.ID, int(healthyWithin.Minutes()))
	case up:
	case restarting || now.Sub(c.row.StatusAt) < startsWithin:
		f.Is = alerts.Unknown
	default:
		f.Is, f.Cause = alerts.Bad, "stopped"
		if c.there {
			f.Since = c.container.EndedAt
		}
		f.Detail = fmt.Sprintf("The container of slice %d does not run, and its user cannot work. It is started again by itself; if it stays down, the runner's log says why.", c.row.ID)
	}
	if f.Since.Before(c.row.StatusAt) { // it was down on purpose before that
		f.Since = time.Time{}
	}
	return f
}

func (c checked) silent(up, fresh bool) alerts.Finding {
	f := c.found(alertSliceSilent, alerts.Good)
	switch {
	case !up || fresh:
		f.Is = alerts.Unknown
	case c.row.SilentSince != nil:
		f.Is, f.Since = alerts.Bad, *c.row.SilentSince
		f.Detail = fmt.Sprintf("The backend of slice %d does not answer although its container runs. `runner slice recycle %d` restarts it in order.", c.row.ID, c.row.ID)
	}
	return f
}

func (c checked) pageDead(up bool) alerts.Finding {
	f := c.found(alertPageDead, alerts.Good)
	switch {
	case !up || c.row.SilentSince != nil:
		f.Is = alerts.Unknown
	case c.row.PageDeadSince != nil && c.row.WaState == "ready":
		f.Is, f.Since = alerts.Bad, *c.row.PageDeadSince
		f.Detail = fmt.Sprintf("Slice %d says that its WhatsApp is ready, and the page behind it does not answer: messages may be neither sent nor received. `runner slice recycle %d` begins the page anew.", c.row.ID, c.row.ID)
	}
	return f
}

// disconnected is what the user has to act upon. Somebody who never linked a phone, or took it off
// themselves, misses nothing.
func (c checked) disconnected(up bool) alerts.Finding {
	f := c.found(alertDisconnected, alerts.Good)
	switch {
	case c.row.LinkedAt == nil:
		f.Is = alerts.Gone
	case !up || c.row.SilentSince != nil:
		f.Is = alerts.Unknown
	case c.row.WaState != "ready":
		f.Is, f.Cause = alerts.Bad, c.row.WaState
		if c.row.WaReason != nil && *c.row.WaReason != "" {
			f.Cause = *c.row.WaReason
		}
		if c.row.WaChangedAt != nil {
			f.Since = *c.row.WaChangedAt
		}
		f.Detail = fmt.Sprintf("The WhatsApp of slice %d is not connected (%s). Its user is told how to reconnect.", c.row.ID, f.Cause)
	}
	return f
}

// mute is a connection that looks alive and carries nothing, not even keepalives. It can be told only of
// slices whose packets are counted, and which have had some.
func (c checked) mute(up bool, t Thresholds, now time.Time) alerts.Finding {
	f := c.found(alertMute, alerts.Good)
	switch {
	case !up || c.row.SilentSince != nil || c.upstream == nil:
		f.Is = alerts.Unknown
	case c.row.WaState != "ready" || c.upstream.LastUpstreamAt == nil || c.upstream.LastUpstreamAt.Before(c.container.StartedAt):
	case now.Sub(*c.upstream.LastUpstreamAt) >= t.Mute:
		f.Is, f.Since = alerts.Bad, *c.upstream.LastUpstreamAt
		f.Detail = fmt.Sprintf("Slice %d says that its WhatsApp is ready, and nothing has passed between them for %s, not even keepalives: the session is probably dead. `runner slice recycle %d` begins it anew.", c.row.ID, t.Mute, c.row.ID)
	}
	return f
}

func (c checked) memory(up bool, t Thresholds, limit int64) alerts.Finding {
	f := c.found(alertSliceMemory, alerts.Good)
	switch {
	case !up:
		f.Is = alerts.Unknown
	case over(c.row.WorkingBytes, limit, t.Memory):
		f.Is = alerts.Bad
		f.Detail = fmt.Sprintf("Slice %d needs more than %.0f %% of its memory limit of %d MB. `runner slice recycle %d` restarts it in order; the answers to “leaks” tell whether it grows.", c.row.ID, 100*t.Memory, limit>>20, c.row.ID)
	}
	return f
}

func (c checked) storage(t Thresholds, quota int64) alerts.Finding {
	f := c.found(alertSliceStorage, alerts.Good)
	if over(c.row.StorageBytes, quota, t.Storage) {
		f.Is, f.Cause = alerts.Bad, "warning"
		f.Detail = fmt.Sprintf("More than %.0f %% of the storage of %s is used.", 100*t.Storage, gigabytes(quota))
		if c.row.StorageBytes >= quota {
			f.Cause, f.Detail = "full", fmt.Sprintf("The storage of %s is full.", gigabytes(quota))
		}
	}
	return f
}

func (c checked) killed() alerts.Finding {
	f := c.found(alertSliceOOM, alerts.Good)
	if c.kills > 0 {
		f.Is = alerts.Bad
		f.Detail = fmt.Sprintf("The kernel ended processes of slice %d because it was at its memory limit. If that comes again, SLICE_MEMORY is too small for it.", c.row.ID)
	}
	return f
}

// over tells whether more than a part of a whole is used; of nothing, nothing can be told.
func over(used, whole int64, part float64) bool {
	return whole > 0 && float64(used) > part*float64(whole)
}

func gigabytes(bytes int64) string {
	if bytes >= 1<<30 {
		return fmt.Sprintf("%.3g GB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%d MB", bytes>>20)
}
