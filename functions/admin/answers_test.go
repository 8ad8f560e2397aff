package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"slicegate/deploy/local/fleet"
	"slicegate/store"
	"slicegate/store/answers"
)

func TestAnswersThatNobodyHasFoundAreNotThere(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	for query, days := range map[string]string{"": "30 days", "?days=7": "7 days", "?days=14": "14 days", "?days=-1": "30 days", "?days=%00": "30 days", "?days=365": "30 days"} {
		got := b.get("/admin/answers"+query, s.cookie)
		if chosen := texts(got.page.Find(".choice [aria-current]")); len(chosen) != 1 || chosen[0] != days {
			t.Errorf("%q is of %v", query, chosen)
		}
		if got.status != http.StatusOK || !strings.Contains(words(got.page), "Nobody has found any yet.") || got.page.Find("section").Length() != 0 {
			t.Errorf("%q: %d %s", query, got.status, words(got.page))
		}
	}
	nothing, err := answers.Read(t.Context(), b.db.Pool, answers.Options{Now: b.now.Add(-5 * time.Minute), Days: 14})
	if err != nil {
		t.Fatal(err)
	}
	if err := nothing.Save(t.Context(), store.New(b.db.Pool)); err != nil {
		t.Fatal(err)
	}
	page := b.get("/admin/answers?days=14", s.cookie).page
	if said := words(page); strings.Count(said, "Not enough data: needs") != 4 || !strings.Contains(said, "Found 5 min ago") || page.Find(".number, figure").Length() != 0 {
		t.Errorf("answers without data: %s", said)
	}
	if got := words(b.get("/admin/answers?days=7", s.cookie).page); !strings.Contains(got, "Nobody has found any yet.") {
		t.Errorf("those of 14 days are shown for 7: %s", got)
	}
}

func TestTheSixQuestionsAreAnsweredWithPictures(t *testing.T) {
	b := setup(t)
	s := b.admin("op@example.com")
	end := b.now.UTC().Truncate(5 * time.Minute)
	planted, err := fleet.Write(t.Context(), b.db.Pool, fleet.Options{Slices: 24, Days: 20, Seed: 1, Every: 15 * time.Minute, End: end, Server: "one"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	found, err := answers.Read(t.Context(), b.db.Pool, answers.Options{Now: end, Days: 30, MinFree: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Save(t.Context(), store.New(b.db.Pool)); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"", "?days=nonsense"} {
		page := b.get("/admin/answers"+query, s.cookie).page
		sections := page.Find("section.answer")
		if got := texts(page.Find(".choice [aria-current]")); sections.Length() != 6 || len(got) != 1 || got[0] != "30 days" {
			t.Fatalf("%q has %d answers, of %v", query, sections.Length(), got)
		}
		for i, verdict := range []answers.Verdict{found.Footprint.Verdict, found.Ceilings[0].Verdict, found.Connections.Verdict, found.Leaks.Verdict, found.Waking.Verdict, found.Room[0].Verdict} {
			section := sections.Eq(i)
			said := strings.Join(texts(section.Find("p")), " ")
			if !verdict.Known || !strings.Contains(said, verdict.Says) || !strings.Contains(strings.ToLower(said), string(verdict.Confidence)+" confidence") || section.Find(".number").Text() == "" {
				t.Errorf("question %d: %s", i+1, said)
			}
			if section.Find("[data-plot], .bars li").Length() == 0 {
				t.Errorf("question %d has no picture", i+1)
			}
		}
	}
	page := b.get("/admin/answers", s.cookie).page
	rest := b.plotsOf(page.Find("#rest script").Text())
	if rest.X != "s" || len(rest.At) != len(found.Footprint.Curve) || rest.Step != 0 {
		t.Errorf("rest: %+v", rest)
	}
	if ceiling := b.plotsOf(page.Find("#ceiling-one script").Text()); ceiling.X != "bytes" || len(ceiling.At) != len(found.Ceilings[0].Curve) || len(ceiling.Plots[0].Marks) != 1 {
		t.Errorf("ceiling: %+v", ceiling)
	}
	leaks := b.plotsOf(page.Find("#leaks script").Text())
	if got := len(found.Leaks.Leaking); got == 0 || len(leaks.Plots[0].Series) != min(6, got) || leaks.Step != 86400 || page.Find("section.answer").Eq(3).Find("ol li").Length() != got {
		t.Errorf("%d leaks of %d: %+v", got, len(planted.Leaks), leaks)
	}
}
