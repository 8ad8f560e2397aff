package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// send asks River UI's API as its page does.
func (b *bundle) send(s seat, method, path, body string) reply {
	b.t.Helper()
	request, err := http.NewRequest(method, b.server.URL+"/admin/jobs/api/"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "X-Real-IP": "192.0.2.7"} {
		request.Header.Set(name, value)
	}
	request.AddCookie(s.cookie)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return reply{status: response.StatusCode, header: response.Header, body: string(raw)}
}

// riverSays is what River UI's page shows of an answer that is an error: the message of one in JSON.
func riverSays(t *testing.T, answer reply) string {
	t.Helper()
	var says struct{ Message string }
	if !strings.Contains(answer.header.Get("Content-Type"), "application/json") || json.Unmarshal([]byte(answer.body), &says) != nil || says.Message == "" {
		t.Errorf("River UI cannot show %s: %q", answer.header.Get("Content-Type"), answer.body)
	}
	return says.Message
}

func TestRiverUISaysWhyItIsRefused(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	b.now = b.now.Add(13 * time.Hour)
	if got := b.send(s, "POST", "jobs/cancel", `{"ids":["1"]}`); got.status != http.StatusForbidden || !strings.Contains(riverSays(t, got), "reload the page") {
		t.Errorf("without the second factor: %d, %s", got.status, got.body)
	}
}

func (b *bundle) job(state string) int64 {
	return one[int64](b, "INSERT INTO river.river_job (args, kind, max_attempts, queue, state, scheduled_at, finalized_at) VALUES ('{}', 'none', 3, 'default', $1::text::river.river_job_state, now(), CASE WHEN $1 = 'discarded' THEN now() END) RETURNING id", state)
}

func (b *bundle) stateOfJob(id int64) string {
	return one[string](b, "SELECT coalesce((SELECT state::text FROM river.river_job WHERE id = $1), 'deleted')", id)
}

func TestRiverUIShowsTheJobs(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	id := b.job("discarded")
	page := b.get("/admin/jobs/", s.cookie)
	script := page.page.Find("script[src]").AttrOr("src", "")
	if page.status != http.StatusOK || !strings.HasPrefix(script, "/admin/jobs/assets/") {
		t.Fatalf("its page answers %d: %s", page.status, page.body)
	}
	if got := b.get(script, s.cookie); got.status != http.StatusOK || !strings.Contains(got.header.Get("Content-Type"), "javascript") {
		t.Errorf("its script answers %d, %s", got.status, got.header.Get("Content-Type"))
	}
	if got := b.get("/admin/jobs/api/jobs?state=discarded", s.cookie); got.status != http.StatusOK || !strings.Contains(got.body, fmt.Sprintf(`"id":%d,`, id)) {
		t.Errorf("its API answers %d: %s", got.status, got.body)
	}
}

func TestWhatRiverUIChangesIsInTheAudit(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	failed, waiting := b.job("discarded"), b.job("available")
	if got := b.send(s, "POST", "jobs/retry", fmt.Sprintf(`{"ids":["%d"]}`, failed)); got.status != http.StatusOK || b.stateOfJob(failed) != "available" {
		t.Errorf("a retry answers %d, and the job is %s", got.status, b.stateOfJob(failed))
	}
	subject := fmt.Sprintf("job:%d", failed)
	if before, _ := b.changed("admin.job.retry", subject); before[fmt.Sprint(failed)] != "none discarded" || b.audited(s.id, "admin.job.retry", subject) != 1 {
		t.Errorf("the audit says %v", before)
	}
	_, after := b.changed("admin.job.retry.done", subject)
	if states, _ := after["jobs"].(map[string]any); after["status"] != 200.0 || states[fmt.Sprint(failed)] != "none available" {
		t.Errorf("the audit says %v", after)
	}
	if got := b.send(s, "POST", "jobs/cancel", fmt.Sprintf(`{"ids":["%d","%d"]}`, failed, waiting)); got.status != http.StatusOK || b.stateOfJob(waiting) != "cancelled" || b.audited(s.id, "admin.job.cancel", "jobs") != 1 {
		t.Errorf("a cancel answers %d, and the job is %s", got.status, b.stateOfJob(waiting))
	}
	b.exec("INSERT INTO river.river_queue (name, metadata, updated_at) VALUES ('default', '{}', now())")
	if got := b.send(s, "PUT", "queues/default/pause", "{}"); got.status != http.StatusOK || b.audited(s.id, "admin.queue.pause", "queue:default") != 1 {
		t.Errorf("a pause answers %d", got.status)
	}
}

func TestJobsAreDeletedAfterTheSecondFactorAlone(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	id := b.job("discarded")
	b.now = b.now.Add(10 * time.Minute)
	got := b.send(s, "POST", "jobs/delete", fmt.Sprintf(`{"ids":["%d"]}`, id))
	if got.status != http.StatusForbidden || b.stateOfJob(id) != "discarded" {
		t.Errorf("ten minutes after the second factor: %d, and the job is %s", got.status, b.stateOfJob(id))
	}
	if says := riverSays(t, got); !strings.Contains(says, "Nothing was deleted") || !strings.Contains(says, "https://app.example.com/admin/second-factor") {
		t.Errorf("River UI shows %q", says)
	}
	b.post("/admin/second-factor", s.cookie, "code", b.code(s.secret, b.now))
	if got := b.send(s, "POST", "jobs/delete", fmt.Sprintf(`{"ids":["%d"]}`, id)); got.status != http.StatusOK || b.stateOfJob(id) != "deleted" {
		t.Errorf("after it: %d, and the job is %s", got.status, b.stateOfJob(id))
	}
}
