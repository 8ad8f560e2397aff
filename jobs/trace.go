package jobs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"slicegate/config/observe"
)

// Trace takes the id of a request along to the jobs that come of it, and to those that come of these: it is
// `request` of a job's metadata and of the log lines of its work. A job that was there already, and is what
// was asked for, keeps the request that it came of.
type Trace struct{ river.MiddlewareDefaults }

var (
	_ rivertype.JobInsertMiddleware = (*Trace)(nil)
	_ rivertype.WorkerMiddleware    = (*Trace)(nil)
)

// requestOf is the metadata's key.
const requestOf = "request"

// InsertMany notes the context's request in the jobs that are enqueued.
func (*Trace) InsertMany(ctx context.Context, many []*rivertype.JobInsertParams, insert func(context.Context) ([]*rivertype.JobInsertResult, error)) ([]*rivertype.JobInsertResult, error) {
	if request := observe.Request(ctx); request != "" {
		for _, params := range many {
			metadata, err := keep(params.Metadata, requestOf, request)
			if err != nil {
				return nil, fmt.Errorf("metadata of a job %s: %w", params.Kind, err)
			}
			params.Metadata = metadata
		}
	}
	return insert(ctx)
}

// Work works a job with what it is about in its context.
func (*Trace) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	return work(About(ctx, job))
}

// About is a context that says which job it is about, and which request that comes of.
func About(ctx context.Context, job *rivertype.JobRow) context.Context {
	var metadata struct {
		Request string `json:"request"`
	}
	_ = json.Unmarshal(job.Metadata, &metadata) // what is no id is not taken over
	return observe.WithRequest(observe.WithJob(ctx, job.ID), metadata.Request)
}

// keep sets one key of a JSON object, an empty one if there is none.
func keep(object []byte, key, value string) ([]byte, error) {
	fields := map[string]json.RawMessage{}
	if len(object) > 0 {
		if err := json.Unmarshal(object, &fields); err != nil {
			return nil, err
		}
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	fields[key] = encoded
	return json.Marshal(fields)
}
