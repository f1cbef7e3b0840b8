package api_test

import (
	"strings"
	"testing"
	"time"

	"tokentab/backend"
	"tokentab/backend/config"
)

// qualityOf60KiB is a payload of about as much as an instance may have.
var qualityOf60KiB = map[string]any{"name": "score", "payload": map[string]any{"text": strings.Repeat("x", 60<<10)}}

func TestInstancesAndTheirQualityPayloadsCountAndMakeRoom(t *testing.T) {
	t.Parallel()
	r := startRun(t, func(c *config.Config, _ *backend.World) { c.ActivityMax = 16 << 20 })
	span := r.ok(r.create(nil)).Text(t, "details", "id")
	first := r.instance
	for range 300 {
		r.instance = r.register()
		r.ok(r.post("/agent_instance/"+r.instance+"/record_quality", qualityOf60KiB))
	}
	r.ok(r.post("/agent_instance/"+r.instance+"/record_quality", qualityOf60KiB))
	r.trim()
	var instances, bytes int
	if err := r.Database().QueryRow("SELECT (SELECT count(*) FROM agent_instances), (SELECT SUM(activity_bytes) FROM accounts)").Scan(&instances, &bytes); err != nil || bytes > 16<<20 || bytes < 12<<20 {
		t.Errorf("%d instances with %d bytes are left, %v", instances, bytes, err)
	}
	r.holds(instances, r.spans())
	r.ok(r.finish(span, nil)) // the oldest, but of an instance that reports
	for range 5 {
		r.ok(r.post("/agent_instance/"+first+"/record_quality", map[string]any{"name": "score", "payload": nil}))
	}
	r.holds(instances, 1)
}

func TestInstancesThatEndedBeforeTheFirstSpanMakeRoomBeforeIt(t *testing.T) {
	t.Parallel()
	r := startRun(t, func(c *config.Config, _ *backend.World) { c.ActivityMax = 16 << 20 })
	reporting := r.instance
	for range 100 {
		r.instance = r.register()
		r.ok(r.post("/agent_instance/"+r.instance+"/record_quality", qualityOf60KiB))
		r.ok(r.post("/agent_instance/"+r.instance+"/finish", map[string]any{"status": "complete"}))
	}
	r.Clock.Move(time.Minute)
	r.instance = reporting
	for range 14 {
		r.large()
	}
	r.trim()
	var instances int
	if err := r.Database().QueryRow("SELECT count(*) FROM agent_instances").Scan(&instances); err != nil || instances > 70 || instances < 30 {
		t.Errorf("%d instances are left, %v", instances, err)
	}
	r.holds(instances, 14)
}
