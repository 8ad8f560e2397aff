// Package monitoring_test holds what is in this folder, which other programs read, against what ours export.
package monitoring_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"slicegate/config"
	functions "slicegate/functions/figures"
	runner "slicegate/runner/figures"
)

var metric = regexp.MustCompile(`slicegate_[a-z_]+`)

// exported are the names of all figures of both binaries.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	registry := prometheus.NewRegistry()
	functions.New(registry)
	functions.Watch(registry, func() functions.Access { return functions.Access{} })
	runner.CountReclaims(registry, nil)
	registry.MustRegister(runner.NewWorked(time.Now), &runner.Rows{})
	descs := make(chan *prometheus.Desc)
	go func() { defer close(descs); registry.Describe(descs) }()
	names := map[string]bool{}
	for desc := range descs {
		name := metric.FindString(desc.String())
		names[name] = true
		if strings.HasSuffix(name, "_duration_seconds") { // a histogram's three
			names[name+"_bucket"], names[name+"_sum"], names[name+"_count"] = true, true, true
		}
	}
	return names
}

// known complains about each name in a text that no binary exports, and tells how many there are.
func known(t *testing.T, names map[string]bool, where, text string) int {
	t.Helper()
	found := metric.FindAllString(text, -1)
	for _, name := range found {
		if !names[name] {
			t.Errorf("%s names %s, which nobody exports", where, name)
		}
	}
	return len(found)
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".json") {
		err = json.Unmarshal(text, into)
	} else {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestTheAlertRulesAskForWhatIsExported(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	read(t, "alerts.yml", &file)
	names, ours := exported(t), 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			ours += known(t, names, rule.Alert, rule.Expr)
			if rule.Alert == "" || rule.Expr == "" || !slices.Contains([]string{"warning", "critical"}, rule.Labels["severity"]) || !strings.HasSuffix(rule.Annotations["summary"], ".") {
				t.Errorf("%q is not whole: %+v", rule.Alert, rule)
			}
			if _, err := time.ParseDuration(rule.For); rule.For != "" && err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
			}
		}
	}
	if ours < 12 {
		t.Errorf("the rules name %d figures of ours", ours)
	}
}

func TestTheScrapeConfigurationFitsTheDefaults(t *testing.T) {
	t.Parallel()
	var file struct {
		ScrapeConfigs []struct {
			JobName       string                       `yaml:"job_name"`
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
		RuleFiles []string `yaml:"rule_files"`
	}
	read(t, "prometheus.yml", &file)
	defaults := map[string]string{}
	for _, setting := range append(config.Settings[config.Functions](), config.Settings[config.Runner]()...) {
		defaults[setting.Name] = setting.Default
	}
	want := map[string]string{"slicegate-functions": defaults["FUNCTIONS_METRICS"], "slicegate-runner": defaults["RUNNER_METRICS"]}
	for _, job := range file.ScrapeConfigs {
		if len(job.StaticConfigs) != 1 || len(job.StaticConfigs[0].Targets) != 1 || job.StaticConfigs[0].Targets[0] != want[job.JobName] {
			t.Errorf("%s reads %+v, want %s", job.JobName, job.StaticConfigs, want[job.JobName])
		}
		delete(want, job.JobName)
	}
	if len(want) > 0 || !slices.Equal(file.RuleFiles, []string{"alerts.yml"}) {
		t.Errorf("nobody reads %v; the rules are %v", want, file.RuleFiles)
	}
}

func TestTheDashboardShowsWhatIsExported(t *testing.T) {
	t.Parallel()
	type source struct{ Type, UID string }
	var board struct {
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []struct {
			ID          int
			Type, Title string
			Datasource  source
			GridPos     struct{ H, W, X, Y int }
			Targets     []struct {
				Expr, RefID string
				Datasource  source
			}
		}
	}
	read(t, "dashboard.json", &board)
	if list := board.Templating.List; len(list) != 2 || list[0].Name != "datasource" || list[0].Type != "datasource" {
		t.Fatalf("the variables are %+v", board.Templating.List)
	}
	names := exported(t)
	known(t, names, "the variable of servers", board.Templating.List[1].Definition)
	var rows []string
	ids, shown := map[int]bool{}, map[string]bool{}
	chosen := source{"prometheus", "${datasource}"}
	for _, panel := range board.Panels {
		if ids[panel.ID] {
			t.Errorf("two panels have the id %d", panel.ID)
		}
		ids[panel.ID] = true
		if panel.Type == "row" {
			rows = append(rows, panel.Title)
			continue
		}
		if panel.Datasource != chosen || len(panel.Targets) == 0 || panel.GridPos.X+panel.GridPos.W > 24 {
			t.Errorf("%s is not whole: %+v", panel.Title, panel)
		}
		for _, target := range panel.Targets {
			if known(t, names, panel.Title, target.Expr) == 0 || target.Datasource != chosen || target.RefID == "" {
				t.Errorf("%s asks %+v", panel.Title, target)
			}
			for _, name := range metric.FindAllString(target.Expr, -1) {
				shown[strings.TrimSuffix(name, "_bucket")] = true
			}
		}
	}
	if want := []string{"Server", "Slices", "Memory and swap", "Swap-in rate", "Jobs", "Mail and alerts", "HTTP"}; !slices.Equal(rows, want) {
		t.Errorf("the rows are %q, want %q", rows, want)
	}
	for name := range names {
		if suffix := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count"); !shown[suffix] {
			t.Errorf("%s is exported and not shown", name)
		}
	}
}
