package events

import "time"

// ring keeps the newest frames of a stream. Frames are numbered from 1 without gaps; the
// position 0 is before the first. Whoever owns the ring guards it.
type ring struct {
	maxFrames int
	maxBytes  int
	maxAge    time.Duration

	frames []frame // oldest first
	head   uint64  // the newest frame's number, kept when the frame is gone
	bytes  int
}

type frame struct {
	text []byte // a whole SSE event, never changed after it is appended
	at   time.Time
}

// append takes the frame numbered head+1.
func (r *ring) append(text []byte, now time.Time) {
	r.frames = append(r.frames, frame{text, now})
	r.head++
	r.bytes += len(text)
	r.expire(now)
}

// expire lets go of what is over the bounds; the newest frame always stays within reach of
// its readers, however long it is.
func (r *ring) expire(now time.Time) {
	for len(r.frames) > 0 {
		oldest := &r.frames[0]
		over := len(r.frames) > 1 && (len(r.frames) > r.maxFrames || r.bytes > r.maxBytes)
		if !over && now.Sub(oldest.at) <= r.maxAge {
			return
		}
		r.bytes -= len(oldest.text)
		*oldest = frame{} // the array outlives the frame
		r.frames = r.frames[1:]
	}
}

// reaches says whether everything after a position is still there.
func (r *ring) reaches(position uint64) bool {
	return position <= r.head && position >= r.head-uint64(len(r.frames))
}

// after gives frames that follow a position the ring reaches, at most about limit bytes but
// at least one frame, if there is any.
func (r *ring) after(position uint64, limit int) [][]byte {
	var texts [][]byte
	for _, f := range r.frames[len(r.frames)-int(r.head-position):] {
		texts = append(texts, f.text)
		if limit -= len(f.text); limit <= 0 {
			break
		}
	}
	return texts
}
