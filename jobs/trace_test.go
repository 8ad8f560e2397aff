package jobs

import (
	"context"
	"strings"
	"testing"

	"github.com/riverqueue/river/rivertype"

	"slicegate/config/observe"
)

func TestAJobKeepsItsMetadataBesideTheRequest(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("0f", 16)
	insert := func(context.Context) ([]*rivertype.JobInsertResult, error) { return nil, nil }
	for _, test := range []struct {
		ctx          context.Context
		before, want string
	}{
		{observe.WithRequest(context.Background(), id), `{}`, `{"request":"` + id + `"}`},
		{observe.WithRequest(context.Background(), id), ``, `{"request":"` + id + `"}`},
		{observe.WithRequest(context.Background(), id), `{"a":[1],"request":"older"}`, `{"a":[1],"request":"` + id + `"}`},
		{context.Background(), `{"a":1}`, `{"a":1}`},
	} {
		params := []*rivertype.JobInsertParams{{Kind: "check", Metadata: []byte(test.before)}}
		if _, err := (&Trace{}).InsertMany(test.ctx, params, insert); err != nil || string(params[0].Metadata) != test.want {
			t.Errorf("%s became %s, %v, want %s", test.before, params[0].Metadata, err, test.want)
		}
	}
	for metadata, want := range map[string]string{`{"request":"` + id + `"}`: id, `{"request":"<b>"}`: "", `{"request":7}`: "", `{}`: "", ``: ""} {
		about := About(context.Background(), &rivertype.JobRow{ID: 3, Metadata: []byte(metadata)})
		if got := observe.Request(about); got != want {
			t.Errorf("a job with %s is about request %q, want %q", metadata, got, want)
		}
	}
}
