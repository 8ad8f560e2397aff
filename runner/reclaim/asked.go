package reclaim

import (
	"fmt"
	"time"
)

const (
	// A page that is open is heard of every 25 s (Socket.IO's ping): who was not for so long is not there.
	gone = time.Minute
	// What an operator has asked for is forgotten after this.
	askedFor = time.Hour
)

// forgotten is why what an operator asked for is not to be done any more; empty: it is, or nothing was.
func forgotten(now time.Time, slice Slice) string {
	if slice.Asked.IsZero() {
		return ""
	}
	user := slice.History[len(slice.History)-1].User
	switch {
	case now.Before(slice.Awake):
		return "its user is on their way"
	case user.After(slice.Asked), !user.IsZero() && now.Sub(user) < gone:
		return "its user is there, or was within the last minute"
	case slice.Paused:
		return "it is exempt from reclaim"
	case now.Sub(slice.Asked) >= askedFor:
		return "an hour has passed"
	}
	return ""
}

// done is why nothing more is to be got of a slice that an operator asked for; empty: there may be.
func done(now time.Time, slice Slice, pace Pace) string {
	newest := slice.History[len(slice.History)-1]
	switch {
	case pace.Judge || pace.Hurt:
		return "" // that is yet to be seen
	case nearFloor(now, newest.Resident, pace):
		return fmt.Sprintf("done: it holds %d MB, which is about what it needs", newest.Resident>>20)
	case pace.Empty:
		return fmt.Sprintf("done: it holds %d MB, and gives no more", newest.Resident>>20)
	}
	return ""
}
