package views

// reclaimActs are those about the memory of a slice that runs.
func (p AdminOneSlice) reclaimActs() []AdminOption {
	if p.Slice.ReclaimPaused {
		return []AdminOption{{Value: "reclaim-resume", Title: "Reclaim its memory again"}}
	}
	exempt := AdminOption{Value: "reclaim-exempt", Title: "Exempt from reclaim"}
	if p.Slice.ReclaimAskedAt != nil {
		return []AdminOption{exempt}
	}
	return []AdminOption{{Value: "reclaim-now", Title: "Reclaim now"}, exempt}
}

// reclaim says whether memory is taken from a slice.
func (p AdminOneSlice) reclaim() string {
	switch {
	case p.Slice.ReclaimPaused:
		return "exempt"
	case p.Slice.ReclaimAskedAt != nil:
		return "asked for " + adminAgo(*p.Slice.ReclaimAskedAt, p.Now)
	}
	return "on"
}
