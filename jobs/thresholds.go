package jobs

import (
	"time"

	"slicegate/jobs/alerts"
)

// Thresholds are when what a check finds is an alert. Times are how long it must have lasted; parts are
// of 1. The fields are those of config.Alerts, which describes them.
type Thresholds struct {
	WhatsApp     time.Duration
	Container    time.Duration
	Backend      time.Duration
	Page         time.Duration
	Mute         time.Duration
	Memory       float64
	Storage      float64
	Disk         float64
	RAM          float64
	CPU          float64
	CPUFor       time.Duration
	SwapIn       float64 // pages a second
	SwapInFor    time.Duration
	JobsBehind   time.Duration
	PoolEmpty    time.Duration
	Certificates []string // PEM files
	Certificate  time.Duration
	Settle       time.Duration
	Group        time.Duration
	Repeat       time.Duration
	Incident     int
	IncidentPart float64
	Within       time.Duration
}

// A kill is told of for so long: it is a moment, and nothing ends it.
const killedWithin = 10 * time.Minute

// serverRules are those of what a check of one server judges.
func (t Thresholds) serverRules() map[string]alerts.Rule {
	return map[string]alerts.Rule{
		alertDisconnected: {Severity: "warning", For: t.WhatsApp},
		alertMute:         {Severity: "warning"}, // its time is in the finding
		alertSliceDown:    {Severity: "warning", For: t.Container},
		alertSliceSilent:  {Severity: "warning", For: t.Backend},
		alertPageDead:     {Severity: "warning", For: t.Page},
		alertSliceMemory:  {Severity: "warning"},
		alertSliceStorage: {Severity: "warning"},
		alertSliceOOM:     {Severity: "warning"},
		alertServerDisk:   {Severity: "critical"},
		alertServerRAM:    {Severity: "critical"},
		alertServerCPU:    {Severity: "warning", For: t.CPUFor},
		alertServerSwapIn: {Severity: "critical", For: t.SwapInFor},
		alertServerOOM:    {Severity: "critical"},
		alertPoolEmpty:    {Severity: "warning", For: t.PoolEmpty},
		alertCertificate:  {Severity: "critical"},
		alertJobsBehind:   {Severity: "critical"},
	}
}

// incidentRules are judged once the kinds that they stand for have been.
func (t Thresholds) incidentRules() map[string]alerts.Rule {
	return map[string]alerts.Rule{
		incidentWhatsApp: {Severity: "critical", For: t.WhatsApp},
		incidentDown:     {Severity: "critical", For: t.Container},
		incidentBackends: {Severity: "critical", For: t.Backend},
	}
}

func (t Thresholds) incidents() []alerts.Incident {
	return []alerts.Incident{
		{Kind: incidentWhatsApp, Of: alertDisconnected, Least: t.Incident, Part: t.IncidentPart, Within: t.Within},
		{Kind: incidentDown, Of: alertSliceDown, Least: t.Incident, Part: t.IncidentPart, Within: t.Within},
		{Kind: incidentBackends, Of: alertSliceSilent, Least: t.Incident, Part: t.IncidentPart, Within: t.Within},
	}
}

// platformRules are those of what is judged once for all servers.
func (t Thresholds) platformRules() map[string]alerts.Rule {
	return map[string]alerts.Rule{
		// A runner that has just come back writes its first sample soon.
		alertServerSilent: {Severity: "critical", For: 2 * time.Minute},
		alertMailFailing:  {Severity: "critical"},
		alertJobsBehind:   {Severity: "critical"},
		alertMaintenance:  {Severity: "critical"},
	}
}
