package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/activity"
	"tokentab/backend/pfid"
)

// Limits of one transaction that removes activity, so that other changes wait for it only shortly.
const (
	trimRows  = 500
	trimBytes = 4 << 20
)

// Open spans of an instance that reported within trimLively are removed last, since their agent will finish them; but only that
// many of the oldest spans are looked through for others.
const (
	trimLively  = time.Hour
	trimThrough = 5000
	// trimTolerance is how far ahead a report may be: some arrive after the look at the clock.
	trimTolerance = time.Minute
	// trimDisorder is by how much instances may be stamped out of order, before the clock counts as one that was behind.
	trimDisorder = time.Hour
)

// budget is what one transaction may still remove.
type budget struct{ rows, bytes int }

// errSpent ends a query whose further rows the budget does not allow.
var errSpent = errors.New("the budget is spent")

func (b *budget) isSpent() bool { return b.rows <= 0 || b.bytes <= 0 }

// numbersWithin returns the first numbers of a query that selects numbers and sizes, as many as the budget allows and at least one.
func numbersWithin(tx *gorm.DB, left *budget, query string, args ...any) (numbers []int64, err error) {
	err = scan(tx, query, args, func(rows *sql.Rows) error {
		if left.isSpent() {
			return errSpent
		}
		var number int64
		var size int
		if err := rows.Scan(&number, &size); err != nil {
			return err
		}
		numbers = append(numbers, number)
		left.rows--
		left.bytes -= size
		return nil
	})
	if errors.Is(err, errSpent) {
		err = nil
	}
	return numbers, err
}

// removeSpans removes the first spans of a query that selects numbers and sizes, as many as the budget allows and at
// least one. It returns how many it removed.
func removeSpans(tx *gorm.DB, left *budget, query string, args ...any) (removed int, err error) {
	numbers, err := numbersWithin(tx, left, query+" LIMIT ?", append(args, left.rows)...)
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	changes := map[int64]*spanChange{}
	err = scan(tx, "DELETE FROM agent_spans WHERE number IN "+anyNumberOf+" RETURNING instance, status, size", []any{document{numbers}}, func(rows *sql.Rows) error {
		var instance int64
		var status activity.Status
		var size int
		if err := rows.Scan(&instance, &status, &size); err != nil {
			return err
		}
		if changes[instance] == nil {
			changes[instance] = &spanChange{instance: instance}
		}
		changes[instance].count(status, -1)
		changes[instance].bytes -= size
		return nil
	})
	for _, c := range changes {
		if err == nil {
			err = c.apply(tx)
		}
	}
	return len(numbers), err
}

// TrimSpans implements activity.TrimStore.
func (s Activity) TrimSpans(ctx context.Context, now, before time.Time, most int64) (more bool, err error) {
	due, err := read(ctx, s.db, func(tx *gorm.DB) (bool, error) {
		return exists(tx, `SELECT 1 WHERE (SELECT SUM(activity_bytes) FROM accounts) > ? UNION ALL
			SELECT 1 FROM (SELECT inserted_at FROM agent_spans ORDER BY number LIMIT 1) first WHERE inserted_at < ? OR inserted_at > ?`, most, stamp(before), stamp(now))
	})
	if err != nil || !due {
		return false, err
	}
	return change(ctx, s.db, func(tx *gorm.DB) (more bool, err error) {
		// A clock that was ahead must not keep spans longer, nor those that came after them.
		const oldest = "SELECT number FROM agent_spans ORDER BY number LIMIT 500" // trimRows
		if err := tx.Exec("UPDATE agent_spans SET inserted_at = ? WHERE number IN ("+oldest+") AND inserted_at > ?", stamp(now), stamp(now)).Error; err != nil {
			return false, err
		}
		// The inner query leaves out the columns behind the payloads, which take a read for every 4 KiB of them.
		firstSpans := func(of, where string) string {
			return "SELECT t.number, t.size FROM (SELECT number, instance, status FROM agent_spans " + of + " ORDER BY number LIMIT ?) s CROSS JOIN agent_spans t ON t.number = s.number WHERE " + where
		}
		const ended = ` AND NOT (s.status IN ('pending', 'active') AND EXISTS (SELECT 1 FROM agent_instances i
			WHERE i.number = s.instance AND i.status IN ('pending', 'active') AND i.updated_at BETWEEN ? AND ?))`
		lively := []any{stamp(now.Add(-trimLively)), stamp(now.Add(trimTolerance))}
		old, left := []any{trimThrough, stamp(before)}, budget{trimRows, trimBytes}
		removed, err := removeSpans(tx, &left, firstSpans("", "t.inserted_at < ?"+ended), append(old, lively...)...)
		if err != nil || removed > 0 {
			return removed > 0, err
		}
		last, err := value[int64](tx, "SELECT inserted_at FROM agent_spans ORDER BY number LIMIT 1 OFFSET ?", trimThrough-1)
		if err != nil {
			return false, err
		}
		if last > 0 && last < before.UnixMilli() { // all are open
			removed, err = removeSpans(tx, &left, firstSpans("", "t.inserted_at < ?"), old...)
			return removed > 0, err
		}
		total, err := spanBytes(tx)
		if err != nil || total <= most {
			return false, err
		}
		largest, err := value[pfid.ID](tx, "SELECT id FROM accounts ORDER BY activity_bytes DESC, id LIMIT 1")
		if err != nil {
			return false, err
		}
		const its = "WHERE account_id = ?"
		left = budget{trimRows, int(min(total-most, trimBytes))}
		for _, step := range []func() (int, error){
			func() (int, error) { return removeIdle(tx, left, largest, idleBefore, lively...) },
			func() (int, error) {
				return removeSpans(tx, &left, firstSpans(its, "1 = 1"+ended), append([]any{largest, trimThrough}, lively...)...)
			},
			func() (int, error) { return removeIdle(tx, left, largest, "1 = 1") },
			func() (int, error) { return removeSpans(tx, &left, firstSpans(its, "1 = 1"), largest, trimThrough) },
		} {
			if removed, err = step(); err != nil || removed > 0 {
				break
			}
		}
		return removed > 0, err
	})
}

// idleBefore is the condition of an instance t that an account's oldest span outlived, and whose agent no longer reports.
const idleBefore = `t.updated_at < COALESCE((SELECT inserted_at FROM agent_spans WHERE account_id = t.account_id ORDER BY number LIMIT 1), t.updated_at + 1)
	AND NOT (t.status IN ('pending', 'active') AND t.updated_at BETWEEN ? AND ?)`

// removeIdle removes some of the first instances of an account that have no spans and meet a condition, within the budget. It returns
// how many.
func removeIdle(tx *gorm.DB, left budget, account pfid.ID, condition string, args ...any) (removed int, err error) {
	const first = "SELECT t.number, " + instanceBytes + " FROM (SELECT number FROM agent_instances WHERE account_id = ? ORDER BY number LIMIT ?) f JOIN agent_instances t ON t.number = f.number "
	idle, err := numbersWithin(tx, &left, first+"WHERE NOT EXISTS (SELECT 1 FROM agent_spans s WHERE s.instance = t.number) AND "+condition+" ORDER BY t.number", append([]any{account, left.rows}, args...)...)
	if err != nil || len(idle) == 0 {
		return 0, err
	}
	return len(idle), deleteInstances(tx, "number IN "+anyNumberOf, document{idle})
}

// instanceBytes is what an instance counts in the share of its account beside its spans: its row, and its quality payloads.
const instanceBytes = "500 + COALESCE(octet_length(qualities), 0)"

// countInstance counts an instance of an account in its share, or with -1 no longer.
const countInstance = "UPDATE accounts SET activity_bytes = activity_bytes + ? * (SELECT " + instanceBytes + " FROM agent_instances WHERE account_id = accounts.id AND id = ?) WHERE id = ?"

// deleteInstances deletes the instances without spans that meet a condition.
func deleteInstances(tx *gorm.DB, where string, args ...any) error {
	shares := map[pfid.ID]int64{}
	err := scan(tx, "DELETE FROM agent_instances WHERE "+where+" RETURNING account_id, "+instanceBytes, args, func(rows *sql.Rows) error {
		var account pfid.ID
		var size int64
		err := rows.Scan(&account, &size)
		shares[account] += size
		return err
	})
	for account, size := range shares {
		if err == nil {
			_, err = exec(tx, addActivityBytes+"?", -size, account)
		}
	}
	return err
}

// TrimDeleted implements activity.TrimStore.
func (s Activity) TrimDeleted(ctx context.Context) (more bool, err error) {
	deployment, err := read(ctx, s.db, func(tx *gorm.DB) (pfid.ID, error) {
		return value[pfid.ID](tx, `SELECT id FROM agent_deployments d WHERE deleted_at IS NOT NULL
			AND EXISTS (SELECT 1 FROM agent_instances i WHERE i.agent_deployment_id = d.id) LIMIT 1`)
	})
	if err != nil || deployment.IsZero() {
		return false, err
	}
	return true, s.change(ctx, func(tx *gorm.DB) error {
		_, err := removeInstances(tx, "agent_deployment_id", deployment, trimRows)
		return err
	})
}

// removeInstances removes up to most instances and spans of the instances whose column is id, within the budget of one
// transaction. It returns how many.
func removeInstances(tx *gorm.DB, column string, id pfid.ID, most int) (removed int, err error) {
	for left := (budget{most, trimBytes}); !left.isSpent(); {
		number, err := value[int64](tx, "SELECT number FROM agent_instances WHERE "+column+" = ? ORDER BY number LIMIT 1", id)
		if err != nil || number == 0 {
			return removed, err
		}
		n, err := removeSpans(tx, &left, "SELECT number, size FROM agent_spans WHERE instance = ? ORDER BY number", number)
		if err != nil {
			return removed, err
		}
		if n == 0 {
			if err := deleteInstances(tx, "number = ?", number); err != nil {
				return removed, err
			}
			n, left.rows = 1, left.rows-1
		}
		removed += n
	}
	return removed, nil
}

// TrimInstances implements activity.TrimStore.
func (s Activity) TrimInstances(ctx context.Context, now, before time.Time, after int64) (last int64, err error) {
	const empty = "pending_spans + active_spans + complete_spans + failed_spans + cancelled_spans = 0 AND updated_at < ?"
	var old, wrong []int64 // wrong are stamped by a clock that was ahead, which must not keep them longer, or behind
	seen, recent := 0, false
	err = s.read(ctx, func(tx *gorm.DB) error {
		return scan(tx, "SELECT number, "+empty+", updated_at > ?, inserted_at BETWEEN ? AND ? FROM agent_instances WHERE number >= ? ORDER BY number LIMIT ?", []any{stamp(before), stamp(now), stamp(before.Add(trimDisorder)), stamp(now), after, trimRows}, func(rows *sql.Rows) error {
			var isOld, isAhead, isRecent bool
			if err := rows.Scan(&last, &isOld, &isAhead, &isRecent); err != nil {
				return err
			}
			seen++
			switch {
			case isAhead || isOld && recent: // it came after a recent one
				wrong = append(wrong, last)
			case isOld:
				old = append(old, last)
			}
			recent = recent || isRecent
			return nil
		})
	})
	if seen < trimRows { // that was all
		last = 0
	}
	if err != nil || len(old)+len(wrong) == 0 {
		return last, err
	}
	return last, s.change(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("UPDATE agent_instances SET updated_at = ? WHERE number IN "+anyNumberOf+" AND updated_at NOT BETWEEN ? AND ?", stamp(now), document{wrong}, stamp(before), stamp(now)).Error; err != nil {
			return err
		}
		return deleteInstances(tx, "number IN "+anyNumberOf+" AND "+empty, document{old}, stamp(before))
	})
}

// isSpare is the condition of a registered version t that nothing refers to and that was made before an instant, or by a
// clock that was ahead of now.
const isSpare = `t.registered = 1 AND t.inserted_at NOT BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM agent_instances i WHERE i.agent_version_id = t.id) AND ` + isNotCurrent

// isNotCurrent is the condition of a version t that is no deployment's current one.
const isNotCurrent = `NOT EXISTS (SELECT 1 FROM agent_deployments d WHERE d.current_version_id = t.id)`

// TrimVersions implements activity.TrimStore.
func (s Activity) TrimVersions(ctx context.Context, now, before time.Time, after pfid.ID) (last pfid.ID, err error) {
	var spare []pfid.ID
	seen := 0
	err = s.read(ctx, func(tx *gorm.DB) error {
		return scan(tx, "SELECT t.id, "+isSpare+" FROM agent_versions t WHERE t.id > ? ORDER BY t.id LIMIT ?", []any{stamp(before), stamp(now), after.String(), trimRows}, func(rows *sql.Rows) error {
			var is bool
			if err := rows.Scan(&last, &is); err != nil {
				return err
			}
			if seen++; is {
				spare = append(spare, last)
			}
			return nil
		})
	})
	if seen < trimRows { // that was all
		last = pfid.ID{}
	}
	if err != nil || len(spare) == 0 {
		return last, err
	}
	return last, s.change(ctx, func(tx *gorm.DB) error { return removeVersions(tx, spare, isSpare, stamp(before), stamp(now)) })
}

// removeVersions removes those of the versions that meet a condition, and the registered schema versions that only they had.
func removeVersions(tx *gorm.DB, ids []pfid.ID, condition string, args ...any) error {
	schemas, err := values[pfid.ID](tx, "DELETE FROM agent_versions AS t WHERE t.id IN "+anyOf+" AND "+condition+" RETURNING agent_schema_version_id", append([]any{document{ids}}, args...)...)
	if err != nil {
		return err
	}
	_, err = exec(tx, "DELETE FROM agent_schema_versions AS t WHERE t.id IN "+anyOf+" AND t.registered = 1 AND NOT EXISTS (SELECT 1 FROM agent_versions v WHERE v.agent_schema_version_id = t.id)", document{schemas})
	return err
}

// removeVersionsBeyond removes some of the oldest versions that an agent registered beyond most, but not the new one.
func removeVersionsBeyond(tx *gorm.DB, agent pfid.ID, most int, made pfid.ID) error {
	ids, err := values[pfid.ID](tx, "SELECT id FROM agent_versions WHERE agent_id = ? AND registered = 1 AND id <> ? ORDER BY inserted_at DESC, id DESC LIMIT 10 OFFSET ?", agent, made, most-1)
	if err != nil || len(ids) == 0 {
		return err
	}
	return removeVersions(tx, ids, isNotCurrent)
}

// removeSchemasBeyond removes some of the oldest schema versions that an agent registered beyond a size in bytes, with the versions
// that have them.
func removeSchemasBeyond(tx *gorm.DB, agent pfid.ID, size int) error {
	ids, err := values[pfid.ID](tx, `SELECT t.id FROM (SELECT id, SUM(octet_length(schemas)) OVER (ORDER BY inserted_at DESC, id DESC) AS bytes
		FROM agent_schema_versions WHERE agent_id = ? AND registered = 1) s JOIN agent_versions t ON t.agent_schema_version_id = s.id
		WHERE s.bytes > ? AND t.registered = 1 AND `+isNotCurrent+" ORDER BY s.bytes DESC LIMIT 100", agent, size)
	if err != nil || len(ids) == 0 {
		return err
	}
	return removeVersions(tx, ids, isNotCurrent)
}

// visibleTo returns a join that leaves the instances i of a scope.
func visibleTo(scope activity.Scope) (string, []any) {
	where, args := ofScope(scope)
	return "JOIN agent_deployments d ON d.id = i.agent_deployment_id AND d.deleted_at IS NULL" + where, args
}

// ofScope returns the condition of a scope smaller than its account, for deployments d.
func ofScope(scope activity.Scope) (string, []any) {
	switch {
	case !scope.DeploymentID.IsZero():
		return " AND d.id = ?", []any{scope.DeploymentID}
	case !scope.EnvironmentID.IsZero():
		return " AND d.environment_id = ?", []any{scope.EnvironmentID}
	}
	return "", nil
}

// Size returns how much the activity of agents takes in the database, in bytes.
func (s Activity) Size(ctx context.Context) (int64, error) {
	return read(ctx, s.db, spanBytes)
}

func spanBytes(tx *gorm.DB) (int64, error) {
	return value[int64](tx, "SELECT COALESCE(SUM(activity_bytes), 0) FROM accounts")
}
