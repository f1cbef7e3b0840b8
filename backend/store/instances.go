package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/activity"
	"tokentab/backend/audit"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// Activity implements activity.Store, which says what each method does.
type Activity struct{ *db }

// instances has the number as its first column, because ids are unique only within their account.
var instances = table[activity.ListedInstance]{name: "agent_instances", what: "agent instance",
	columns: func(i *activity.ListedInstance) []column {
		return []column{
			{"number", (*rowNumber)(&i.Number)}, {"id", &i.ID}, {"account_id", &i.AccountID}, {"agent_id", &i.AgentID}, {"agent_version_id", &i.VersionID},
			{"environment_id", &i.EnvironmentID}, {"agent_deployment_id", &i.DeploymentID}, {"api_token_id", &i.APITokenID},
			{"status", &i.Status}, {"purpose", &i.Purpose}, {"started_at", (*stamp)(&i.StartedAt)}, {"finished_at", (*stamp)(&i.FinishedAt)},
			{"termination_reason", (*optional)(&i.TerminationReason)}, {"qualities", (*qualities)(&i.Qualities)},
			{"pending_spans", &i.Spans.Pending}, {"active_spans", &i.Spans.Active}, {"complete_spans", &i.Spans.Complete},
			{"failed_spans", &i.Spans.Failed}, {"cancelled_spans", &i.Spans.Cancelled},
			{"inserted_at", (*stamp)(&i.InsertedAt)}, {"updated_at", (*stamp)(&i.UpdatedAt)},
		}
	},
	derived: func(i *activity.ListedInstance) []column {
		return []column{
			{"a.name", &i.AgentName}, {"e.name", &i.EnvironmentName}, {"v.external_identifier", (*optional)(&i.VersionIdentifier)}, {"k.name", (*optional)(&i.APITokenName)}, {"k.hint", (*optional)(&i.APITokenHint)},
		}
	},
	joins: `JOIN agent_deployments d ON d.id = t.agent_deployment_id AND d.deleted_at IS NULL
		JOIN agents a ON a.id = t.agent_id
		JOIN environments e ON e.id = t.environment_id
		LEFT JOIN agent_versions v ON v.id = t.agent_version_id
		LEFT JOIN api_tokens k ON k.id = t.api_token_id`,
}

// changeIn is change for the caller of a scope. It refuses one that has lost its rights since it was admitted.
func changeIn[T any](ctx context.Context, s Activity, scope activity.Scope, f func(tx *gorm.DB) (T, error)) (T, error) {
	return change(ctx, s.db, func(tx *gorm.DB) (result T, err error) {
		if _, err := makerIn(tx, scope.Actor, s.health.now()); err != nil {
			return result, err
		}
		return f(tx)
	})
}

// instanceOf returns the instance of a scope, or fault.NotFound.
func instanceOf(tx *gorm.DB, scope activity.Scope, id pfid.ID) (activity.ListedInstance, error) {
	where, args := ofScope(scope)
	return instances.take(tx, "t.account_id = ? AND t.id = ?"+where, append([]any{scope.AccountID, id}, args...)...)
}

func (s Activity) Instance(ctx context.Context, scope activity.Scope, id pfid.ID) (activity.ListedInstance, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (activity.ListedInstance, error) { return instanceOf(tx, scope, id) })
}

func (s Activity) InstanceContext(ctx context.Context, scope activity.Scope, id pfid.ID) (activity.Registered, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (r activity.Registered, err error) {
		if r.ListedInstance, err = instanceOf(tx, scope, id); err != nil {
			return r, err
		}
		r.SchemaVersionID, err = value[pfid.ID](tx, "SELECT agent_schema_version_id FROM agent_versions WHERE id = ?", r.VersionID)
		return r, err
	})
}

func (s Activity) ChangeInstance(ctx context.Context, scope activity.Scope, id pfid.ID, size int, decide func(*activity.Instance) (changed []string, err error)) (activity.ListedInstance, error) {
	if err := s.checkRoom(ctx, spanOverhead+size); err != nil {
		return activity.ListedInstance{}, err
	}
	return changeIn(ctx, s, scope, func(tx *gorm.DB) (i activity.ListedInstance, err error) {
		if i, err = instanceOf(tx, scope, id); err != nil {
			return i, err
		}
		changed, err := decide(&i.Instance)
		if err != nil || len(changed) == 0 {
			return i, err
		}
		if _, err := exec(tx, countInstance, -1, id, scope.AccountID); err != nil {
			return i, err
		}
		if err := instances.update(tx, i, append(changed, "updated_at")...); err != nil {
			return i, err
		}
		_, err = exec(tx, countInstance, 1, id, scope.AccountID)
		return i, err
	})
}

func (s Activity) TerminateInstance(ctx context.Context, scope activity.Scope, id pfid.ID, decide func(*activity.Instance) error, recorder audit.Recorder) (activity.ListedInstance, error) {
	return changeIn(ctx, s, scope, func(tx *gorm.DB) (i activity.ListedInstance, err error) {
		if i, err = instanceOf(tx, scope, id); err != nil {
			return i, err
		}
		if err := decide(&i.Instance); err != nil {
			return i, err
		}
		if err := instances.update(tx, i, "status", "finished_at", "termination_reason", "updated_at"); err != nil {
			return i, err
		}
		return i, recordWith(tx, recorder, audit.AgentInstanceTerminated, i.TerminationReason, id)
	})
}

// instanceSorting lists what instances can be sorted by. They arrive in the order of their numbers, which all indexes of
// lists end with; by the others only paging.MaxCounted can be sorted.
var instanceSorting = map[string]string{
	"": "number", "inserted_at": "number", "id": "id", "status": "status", "started_at": "started_at", "finished_at": "finished_at", "updated_at": "updated_at",
}

func (s Activity) Instances(ctx context.Context, scope activity.Scope, filter activity.InstanceFilter, page paging.Page) (list []activity.ListedInstance, total int, err error) {
	order, ok := instanceSorting[page.Sort]
	if !ok {
		return nil, 0, fault.Field("sorting", "must be one of id, inserted_at, updated_at, started_at, finished_at, status")
	}
	descending := page.Descending || page.Sort == ""
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		where, args, err := instancesOf(tx, scope, filter)
		if err != nil || where == "" {
			return err
		}
		if total, err = countUpTo(tx, page.CountLimit(), "agent_instances t"+where, args...); err != nil || total == 0 {
			return err
		}
		if order != "number" && total > paging.MaxCounted {
			return fault.Field("sorting", "must be inserted_at for more than %d instances", paging.MaxCounted)
		}
		numbers, err := values[int64](tx, "SELECT t.number FROM agent_instances t"+where+" ORDER BY "+ordered(order, descending)+", "+ordered("number", descending)+" LIMIT ? OFFSET ?", append(slices.Clone(args), page.Size, page.Offset)...)
		if err != nil {
			return err
		}
		if numbers, err = fitting(tx, page, numbers, "SELECT COALESCE(octet_length(t.qualities), 0) FROM "+eachValue+" CROSS JOIN agent_instances t ON t.number = CAST(j.value AS BIGINT) "+byKey); err != nil {
			return err
		}
		list, err = instances.all(tx, "WHERE t.number IN "+anyNumberOf, document{numbers})
		slices.SortFunc(list, func(a, b activity.ListedInstance) int {
			return slices.Index(numbers, a.Number) - slices.Index(numbers, b.Number)
		})
		return err
	})
	return list, total, err
}

// instancesOf returns the condition of the instances that a filter selects; empty if there are none. If it names an agent,
// environment or deployment, it leaves out the account, so that SQLite takes the index of the former.
func instancesOf(tx *gorm.DB, scope activity.Scope, f activity.InstanceFilter) (where string, args []any, err error) {
	if where, args, err = withoutDeleted(tx, scope.AccountID); err != nil {
		return "", nil, err
	}
	where = " WHERE " + where
	isNarrow := false
	for _, c := range []struct {
		table, column string
		id            pfid.ID
	}{
		{"agents", "agent_id", f.AgentID}, {"environments", "environment_id", f.EnvironmentID}, {"agent_deployments", "agent_deployment_id", f.DeploymentID},
		{"environments", "environment_id", scope.EnvironmentID}, {"agent_deployments", "agent_deployment_id", scope.DeploymentID},
	} {
		if c.id.IsZero() {
			continue
		}
		has, err := exists(tx, "SELECT 1 FROM "+c.table+" WHERE id = ? AND account_id = ?", c.id, scope.AccountID)
		if err != nil || !has {
			return "", nil, err
		}
		where, args, isNarrow = where+" AND t."+c.column+" = ?", append(args, c.id), true
	}
	if !f.APITokenID.IsZero() {
		where, args, isNarrow = where+" AND t.api_token_id = ? AND +t.account_id = ?", append(args, f.APITokenID, scope.AccountID), true
	}
	if f.Status != "" {
		where, args = where+" AND t.status = ?", append(args, f.Status)
	}
	if !isNarrow {
		where, args = where+" AND t.account_id = ?", append(args, scope.AccountID)
	}
	return where, args, nil
}

// withoutDeleted returns the condition that leaves out the instances t of deleted deployments of an account, until the
// worker has removed them. Most accounts have none: then all conditions of a list can come from one index.
func withoutDeleted(tx *gorm.DB, account pfid.ID) (where string, args []any, err error) {
	const deleted = "SELECT d.id FROM agent_deployments d WHERE d.account_id = ? AND d.deleted_at IS NOT NULL AND EXISTS (SELECT 1 FROM agent_instances i WHERE i.agent_deployment_id = d.id)"
	ids, err := values[pfid.ID](tx, deleted, account)
	if err != nil || len(ids) == 0 {
		return "1 = 1", nil, err
	}
	return "t.agent_deployment_id NOT IN " + anyOf, []any{document{ids}}, nil
}

// countUpTo counts the rows of what follows FROM, but no more than limit.
func countUpTo(tx *gorm.DB, limit int, from string, args ...any) (int, error) {
	return value[int](tx, "SELECT count(*) FROM (SELECT 1 FROM "+from+" LIMIT ?) counted", append(slices.Clone(args), limit)...)
}

func (s Activity) LatestInstances(ctx context.Context, tokens []pfid.ID) (map[pfid.ID]activity.LatestInstance, error) {
	latest := map[pfid.ID]activity.LatestInstance{}
	return latest, s.read(ctx, func(tx *gorm.DB) error {
		// For each token, the index finds the last number.
		const query = `SELECT j.value, t.id, t.agent_id, a.name, t.inserted_at FROM ` + eachValue + `
			JOIN agent_instances t ON t.number = (SELECT n.number FROM agent_instances n
				JOIN agent_deployments d ON d.id = n.agent_deployment_id AND d.deleted_at IS NULL
				WHERE n.api_token_id = j.value ORDER BY n.number DESC LIMIT 1)
			JOIN agents a ON a.id = t.agent_id`
		return scan(tx, query, []any{document{tokens}}, func(rows *sql.Rows) error {
			var token pfid.ID
			var i activity.LatestInstance
			err := rows.Scan(&token, &i.ID, &i.AgentID, &i.AgentName, (*stamp)(&i.InsertedAt))
			latest[token] = i
			return err
		})
	})
}

func (s Activity) InstanceCounts(ctx context.Context, account, agent pfid.ID) (map[activity.Status]int, error) {
	return read(ctx, s.db, func(tx *gorm.DB) (map[activity.Status]int, error) {
		if _, err := agentIn(tx, account, agent); err != nil {
			return nil, err
		}
		where, args, err := withoutDeleted(tx, account)
		if err != nil {
			return nil, err
		}
		return mapOf[activity.Status, int](tx, "SELECT t.status, count(*) FROM agent_instances t WHERE t.agent_id = ? AND "+where+" GROUP BY t.status", append([]any{agent}, args...)...)
	})
}

func (s Activity) HourlyInstances(ctx context.Context, account, agent pfid.ID, first time.Time, add func(hour int, status activity.Status, n int)) error {
	return s.read(ctx, func(tx *gorm.DB) error {
		if _, err := agentIn(tx, account, agent); err != nil {
			return err
		}
		where, args, err := withoutDeleted(tx, account)
		if err != nil {
			return err
		}
		query := "SELECT (t.inserted_at - ?) / ?, t.status, count(*) FROM agent_instances t WHERE t.agent_id = ? AND t.inserted_at >= ? AND " + where + " GROUP BY 1, 2"
		return scan(tx, query, append([]any{stamp(first), time.Hour.Milliseconds(), agent, stamp(first)}, args...), func(rows *sql.Rows) error {
			var hour, n int
			var status activity.Status
			if err := rows.Scan(&hour, &status, &n); err != nil {
				return err
			}
			add(hour, status, n)
			return nil
		})
	})
}
