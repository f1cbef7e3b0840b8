package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"

	"tokentab/backend/activity"
	"tokentab/backend/fault"
	"tokentab/backend/paging"
	"tokentab/backend/pfid"
)

// maxSorted is how many spans a list may have to be sorted without an index.
const maxSorted = paging.MaxCounted

// spanList is a list of spans, of one instance or of one agent.
type spanList struct {
	from string // the FROM and WHERE of the spans
	args []any

	countFrom string // FROM and WHERE of their instances, whose counters make the total
	countArgs []any
	exact     bool // all spans that the index has belong to the list, so that it alone can count them

	indexed []string // what the list can be sorted by, however long it is
}

// Spans implements activity.SpanStore.
func (s Activity) Spans(ctx context.Context, scope activity.Scope, filter activity.SpanFilter, page paging.Page) (list []activity.Span, total int, err error) {
	err = s.readTogether(ctx, func(tx *gorm.DB) error {
		found, err := spansOf(tx, scope, filter)
		if err != nil {
			return err
		}
		if total, err = found.total(tx, filter, page); err != nil {
			return err
		}
		order, err := found.orderBy(page, total)
		if err != nil || total == 0 {
			return err
		}
		list, err = found.page(tx, filter, order, page)
		return err
	})
	return list, total, err
}

func spansOf(tx *gorm.DB, scope activity.Scope, filter activity.SpanFilter) (l spanList, err error) {
	visible, scoped := visibleTo(scope)
	if !filter.InstanceID.IsZero() {
		to, err := reportedTo(tx, scope, filter.InstanceID)
		if fault.KindOf(err) == fault.Validation || err == nil && !filter.AgentID.IsZero() && filter.AgentID != to.agent {
			return l, fault.New(fault.NotFound, "There is no such agent instance.")
		}
		return spanList{
			from: "agent_spans t WHERE t.instance = ?", args: []any{to.number}, exact: true,
			countFrom: "agent_instances i WHERE i.number = ?", countArgs: []any{to.number},
			indexed: []string{"started_at", "inserted_at"},
		}, err
	}
	if _, err := agentIn(tx, scope.AccountID, filter.AgentID); err != nil {
		return l, err
	}
	l = spanList{
		from: "agent_spans t JOIN agent_instances i ON i.number = t.instance " + visible + " WHERE t.agent_id = ?", args: append(scoped, filter.AgentID),
		countFrom: "agent_instances i " + visible + " WHERE i.agent_id = ?", countArgs: append(slices.Clone(scoped), filter.AgentID),
		indexed: []string{"started_at"},
	}
	l.exact, err = seesAll(tx, scope, filter.AgentID)
	return l, err
}

// seesAll reports whether all spans of an agent that the database has belong to the scope.
func seesAll(tx *gorm.DB, scope activity.Scope, agent pfid.ID) (bool, error) {
	if !scope.IsAccount() {
		return false, nil
	}
	hidden, err := exists(tx, `SELECT 1 FROM agent_deployments d WHERE d.agent_id = ? AND d.deleted_at IS NOT NULL
		AND EXISTS (SELECT 1 FROM agent_instances i WHERE i.agent_deployment_id = d.id)`, agent)
	return !hidden, err
}

// window returns the condition of a filter on the start of spans, with an AND before it.
func window(filter activity.SpanFilter) (where string, args []any) {
	if !filter.From.IsZero() {
		where, args = where+" AND t.started_at >= ?", append(args, stamp(filter.From))
	}
	if !filter.Until.IsZero() {
		where, args = where+" AND t.started_at <= ?", append(args, stamp(filter.Until))
	}
	return where, args
}

// total counts the spans: by an index up to the page's limit if that has no others, else by the counters of their instances
// or, with a window, one by one up to the limit.
func (l *spanList) total(tx *gorm.DB, filter activity.SpanFilter, page paging.Page) (int, error) {
	where, args := window(filter)
	switch {
	case l.exact && len(l.indexed) == 1: // of an agent, which may have very many instances
		return countUpTo(tx, page.CountLimit(), "agent_spans t WHERE t.agent_id = ?"+where, append([]any{filter.AgentID}, args...)...)
	case where == "":
		return value[int](tx, "SELECT COALESCE(SUM(i.pending_spans + i.active_spans + i.complete_spans + i.failed_spans + i.cancelled_spans), 0) FROM "+l.countFrom, l.countArgs...)
	}
	return countUpTo(tx, page.CountLimit(), l.from+where, append(slices.Clone(l.args), args...)...)
}

// spanSorting are the fields that a list of spans can be sorted by.
var spanSorting = sorting{"id", "status", "started_at", "finished_at", "inserted_at"}

// orderBy returns the ORDER BY terms of a page. It returns fault.Validation if sorting so many spans by that field would
// take too long.
func (l *spanList) orderBy(page paging.Page, total int) (string, error) {
	if _, err := spanSorting.orderBy(page); err != nil {
		return "", err
	}
	if !slices.Contains(l.indexed, page.Sort) && total > maxSorted {
		return "", fault.Field("sorting", "must be %s for more than %d spans", strings.Join(l.indexed, " or "), maxSorted)
	}
	byNumber := ordered("number", page.Descending)
	if page.Sort == "inserted_at" {
		return byNumber, nil // the order of arrival, whatever the clock said
	}
	return ordered(page.Sort, page.Descending) + ", " + byNumber, nil
}

// page reads one page, and ends early if it has enough payloads.
func (l *spanList) page(tx *gorm.DB, filter activity.SpanFilter, order string, page paging.Page) (list []activity.Span, err error) {
	where, args := window(filter)
	var numbers []int64
	err = scan(tx, "SELECT json_group_array(number) FROM (SELECT t.number FROM "+l.from+where+" ORDER BY "+order+" LIMIT ? OFFSET ?) page",
		append(append(slices.Clone(l.args), args...), page.Size, page.Offset), func(rows *sql.Rows) error { return rows.Scan(document{&numbers}) })
	if err != nil {
		return nil, err
	}
	bytes := 0
	// On SQLite the CROSS JOINs keep the order of the numbers.
	err = scan(tx, "SELECT "+spanColumns+" FROM "+eachValue+" CROSS JOIN agent_spans t ON t.number = CAST(j.value AS BIGINT) CROSS JOIN agent_instances i ON i.number = t.instance "+byKey,
		[]any{document{numbers}}, func(rows *sql.Rows) error {
			var row spanRow
			if err := rows.Scan(row.fields()...); err != nil {
				return err
			}
			span, err := row.unpacked()
			if err != nil {
				return err
			}
			bytes += len(span.Payload) + len(span.Result)
			takes, err := page.Takes(bytes, len(list))
			if err == nil && !takes {
				err = errEnough
			}
			if err != nil {
				return err
			}
			list = append(list, span)
			return nil
		})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// errEnough ends a page.
var errEnough = errors.New("store: the page is full")
