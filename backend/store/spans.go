package store

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/activity"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// spanRow is a span as its row has it.
type spanRow struct {
	activity.Span
	number, instance int64
	created          activity.Status // its status when it was created
	payload, result  packed
	encodings        encodings
	size             int
}

// encodings are the values of sensitive_encoding that a create and a finish sent, in this order.
type encodings []json.RawMessage

// Scan implements sql.Scanner.
func (e *encodings) Scan(value any) error {
	if value == nil {
		*e = nil
		return nil
	}
	return document{(*[]json.RawMessage)(e)}.Scan(value)
}

// Value implements driver.Valuer.
func (e encodings) Value() (driver.Value, error) {
	if e == nil {
		return nil, nil
	}
	text := []byte{'['}
	for i, value := range e { // as they were sent, so without json.Marshal
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, value...)
	}
	return string(append(text, ']')), nil
}

// spanOverhead is about what a span takes in the database beside its payloads, in bytes.
const spanOverhead = 500

func sizeOf(s *spanRow) int {
	n := spanOverhead + len(s.SchemaName) + len(s.payload) + len(s.result)
	for _, e := range s.encodings {
		n += len(e)
	}
	return n
}

const spanColumns = `t.number, t.instance, t.account_id, t.id, i.id, i.agent_id, t.parent_span_id, t.schema_name, t.status, t.created_status,
	t.payload, t.result_payload, t.sensitive_encoding, t.size, t.started_at, t.finished_at, t.inserted_at, t.updated_at`

func (s *spanRow) fields() []any {
	return []any{&s.number, &s.instance, &s.AccountID, &s.ID, &s.InstanceID, &s.AgentID, &s.ParentID, &s.SchemaName, &s.Status, &s.created,
		(*[]byte)(&s.payload), (*[]byte)(&s.result), &s.encodings, &s.size, (*stamp)(&s.StartedAt), (*stamp)(&s.FinishedAt), (*stamp)(&s.InsertedAt), (*stamp)(&s.UpdatedAt)}
}

// unpacked returns the span.
func (s spanRow) unpacked() (span activity.Span, err error) {
	span = s.Span
	if span.Payload, err = s.payload.unpack(); err != nil {
		return span, err
	}
	if span.Result, err = s.result.unpack(); err != nil {
		return span, err
	}
	for _, e := range s.encodings {
		if string(e) != "null" {
			span.SensitiveEncoding = e
		}
	}
	return span, nil
}

// asCreated returns the span as it was when it was created.
func (s spanRow) asCreated() spanRow {
	if s.Status = s.created; !s.Status.IsFinished() {
		s.FinishedAt, s.result = time.Time{}, nil
		s.encodings = s.encodings[:min(1, len(s.encodings))]
	}
	s.UpdatedAt = s.InsertedAt
	return s
}

// spanOf returns a row of the scope; ok is false if there is none.
func spanOf(tx *gorm.DB, scope activity.Scope, where string, args ...any) (row spanRow, ok bool, err error) {
	visible, more := visibleTo(scope)
	err = scan(tx, "SELECT "+spanColumns+" FROM agent_spans t JOIN agent_instances i ON i.number = t.instance "+visible+" WHERE "+where+" LIMIT 1",
		append(more, args...), func(rows *sql.Rows) error {
			ok = true
			return rows.Scan(row.fields()...)
		})
	return row, ok, err
}

// insertSpan writes a row, unless there is one with the creation or the id. VALUES spares SQLite a copy of each page that it
// changes, which it keeps for an INSERT from a SELECT.
func insertSpan(tx *gorm.DB, s *spanRow, creation activity.Creation) (isNew bool, err error) {
	var key, hash []byte
	if !creation.IsZero() {
		key, hash = creation.Key[:], creation.Hash[:]
	}
	written, err := exec(tx, `INSERT INTO agent_spans (account_id, id, instance, agent_id, parent_span_id, schema_name, status, created_status, payload, result_payload,
			sensitive_encoding, creation_key, creation_hash, started_at, finished_at, size, inserted_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		s.AccountID, s.ID, s.instance, s.AgentID, s.ParentID, s.SchemaName, s.Status, s.created, s.payload, s.result,
		s.encodings, key, hash, stamp(s.StartedAt), stamp(s.FinishedAt), s.size, stamp(s.InsertedAt), stamp(s.UpdatedAt))
	return written == 1, err
}

// earlierSpan returns the row that has the creation or the id already.
func earlierSpan(tx *gorm.DB, scope activity.Scope, s *spanRow, creation activity.Creation) (spanRow, error) {
	if !creation.IsZero() {
		hash, err := value[[]byte](tx, "SELECT creation_hash FROM agent_spans WHERE account_id = ? AND creation_key = ?", s.AccountID, creation.Key[:])
		switch {
		case err != nil:
			return spanRow{}, err
		case hash != nil && [16]byte(hash) != creation.Hash:
			return spanRow{}, fault.New(fault.IdempotencyKeyAlreadyUsed, "This idempotency key was used for another request.")
		case hash != nil:
			return sameSpan(spanOf(tx, scope, "t.account_id = ? AND t.creation_key = ?", s.AccountID, creation.Key[:]))
		}
	}
	return sameSpan(spanOf(tx, scope, "t.account_id = ? AND t.id = ? AND t.instance = ?", s.AccountID, s.ID, s.instance))
}

// sameSpan returns the row, or fault.Validation if it belongs to another instance.
func sameSpan(row spanRow, ok bool, err error) (spanRow, error) {
	if err == nil && !ok {
		err = idTaken()
	}
	return row, err
}

// spanChange is what a change of spans changes on their instance, and in the total of bytes.
type spanChange struct {
	instance int64
	at       time.Time // of the change; zero leaves the instance's last activity unchanged
	counts   [5]int    // by status, in the order of countColumns
	bytes    int
	to       instanceNow // the instance after the change; only of a spanBatch
}

// countColumns are the counters of an instance.
var countColumns = [5]activity.Status{activity.Pending, activity.Active, activity.Complete, activity.Failed, activity.Cancelled}

func (c *spanChange) count(status activity.Status, n int) {
	for i, s := range countColumns {
		if s == status {
			c.counts[i] += n
		}
	}
}

// setCounts changes the counters of an instance.
const setCounts = `UPDATE agent_instances SET pending_spans = pending_spans + ?, active_spans = active_spans + ?, complete_spans = complete_spans + ?,
	failed_spans = failed_spans + ?, cancelled_spans = cancelled_spans + ?, updated_at = COALESCE(?, updated_at) `

func (c *spanChange) values() []any {
	n := &c.counts
	return []any{n[0], n[1], n[2], n[3], n[4], stamp(c.at)}
}

func (c *spanChange) isEmpty() bool { return c.bytes == 0 && c.counts == [5]int{} }

func (c *spanChange) apply(tx *gorm.DB) error {
	if c.isEmpty() {
		return nil
	}
	if _, err := exec(tx, setCounts+"WHERE number = ?", append(c.values(), c.instance)...); err != nil {
		return err
	}
	_, err := exec(tx, addActivityBytes+"(SELECT account_id FROM agent_instances WHERE number = ?)", c.bytes, c.instance)
	return err
}

// applyTo changes the counters of an instance by its id, which belongs to the scope if there is a change. It returns the
// instance.
func (c *spanChange) applyTo(tx *gorm.DB, scope activity.Scope, id pfid.ID) (to instanceNow, err error) {
	if c.isEmpty() {
		return reportedTo(tx, scope, id)
	}
	err = scan(tx, setCounts+"WHERE account_id = ? AND id = ? RETURNING number, agent_id, status, termination_reason",
		append(c.values(), scope.AccountID, id), func(rows *sql.Rows) error {
			return rows.Scan(&to.number, &to.agent, &to.status, (*optional)(&to.reason))
		})
	return to, err
}

// addActivityBytes changes the share of an account.
const addActivityBytes = "UPDATE accounts SET activity_bytes = activity_bytes + ? WHERE id = "

// instanceNow is what spans need to know of their instance.
type instanceNow struct {
	number int64
	agent  pfid.ID
	status activity.Status
	reason string
}

func (i *instanceNow) reported(span activity.Span) activity.Reported {
	span.AgentID = i.agent
	return activity.Reported{Span: span, Terminated: i.status == activity.Terminated, Reason: i.reason}
}

// reportedTo returns an instance of the scope, or fault.Validation.
func reportedTo(tx *gorm.DB, scope activity.Scope, id pfid.ID) (i instanceNow, err error) {
	visible, args := visibleTo(scope)
	ok := false
	err = scan(tx, "SELECT i.number, i.agent_id, i.status, i.termination_reason FROM agent_instances i "+visible+" WHERE i.account_id = ? AND i.id = ?",
		append(args, scope.AccountID, id), func(rows *sql.Rows) error {
			ok = true
			return rows.Scan(&i.number, &i.agent, &i.status, (*optional)(&i.reason))
		})
	if err == nil && !ok {
		err = fault.Field("agent_instance_id", "does not exist")
	}
	return i, err
}
