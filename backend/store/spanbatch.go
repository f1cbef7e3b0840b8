package store

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"time"

	"gorm.io/gorm"

	"tokentab/backend/activity"
	"tokentab/backend/fault"
	"tokentab/backend/pfid"
)

// ReportSpans implements activity.SpanStore.
func (s Activity) ReportSpans(ctx context.Context, scope activity.Scope, reports []activity.SpanReport, at time.Time) ([]activity.Reported, error) {
	batch := spanBatch{scope: scope, at: at, rows: make([]spanRow, len(reports)), isNew: make([]bool, len(reports))}
	size := 0
	var work activity.Work
	defer work.Rest()
	work.Begin()
	for i, r := range reports { // packed before the transaction, which others wait for
		row, err := packedRow(r)
		if err != nil {
			return nil, err
		}
		batch.rows[i] = row
		size += row.size
		runtime.Gosched() // a batch takes milliseconds, and validations on this core would wait for its end
	}
	work.Rest()
	if err := s.checkRoom(ctx, size); err != nil {
		return nil, err
	}
	n := 0
	var failed error
	changed, err := changeIn(ctx, s, scope, func(tx *gorm.DB) (map[pfid.ID]*spanChange, error) {
		if s.remote == nil { // else it waits for the network
			work.Begin()
			defer work.Rest()
		}
		batch.instances, batch.changes = map[pfid.ID]instanceNow{}, map[pfid.ID]*spanChange{}
		for n = 0; n < len(reports); n++ {
			if failed = batch.report(tx, n, reports[n]); failed != nil {
				break
			}
			runtime.Gosched()
		}
		// A report that fails has changed nothing. A statement that fails may have ended the transaction.
		if _, isRefusal := errors.AsType[*fault.Error](failed); failed != nil && (n == 0 || !isRefusal) {
			return nil, failed
		}
		return batch.changes, batch.end(tx)
	})
	if err != nil {
		return nil, err
	}
	work.Begin()
	made := make([]activity.Reported, n)
	for i := range made { // after the transaction, which others wait for
		span := batch.rows[i].Span
		if !batch.isNew[i] {
			if span, err = batch.rows[i].unpacked(); err != nil {
				return nil, err
			}
		}
		made[i] = changed[span.InstanceID].to.reported(span)
		runtime.Gosched()
	}
	return made, failed
}

// packedRow returns the row of a new span, or what a finish writes.
func packedRow(r activity.SpanReport) (row spanRow, err error) {
	row = spanRow{Span: r.Span, created: r.Status}
	encoding, result := r.SensitiveEncoding, r.Result
	if r.Finish != nil {
		result, encoding = r.Finish.Result, nil
	}
	if row.payload, err = pack(r.Payload); err != nil {
		return row, err
	}
	if encoding != nil {
		row.encodings = encodings{encoding}
	}
	row.result, err = pack(result)
	row.size = sizeOf(&row)
	return row, err
}

// spanBatch makes the changes of several reports in one transaction. What they change on their instances is written in the
// end, with one statement for each instance.
type spanBatch struct {
	scope     activity.Scope
	at        time.Time
	rows      []spanRow
	isNew     []bool // by row: whether the batch added it
	instances map[pfid.ID]instanceNow
	changes   map[pfid.ID]*spanChange
	order     []pfid.ID // of the instances that change
}

// change returns the change of an instance.
func (b *spanBatch) change(instance pfid.ID) *spanChange {
	c := b.changes[instance]
	if c == nil {
		c = &spanChange{at: b.at}
		b.changes[instance] = c
		b.order = append(b.order, instance)
	}
	return c
}

// instance returns an instance of the scope, which it reads once.
func (b *spanBatch) instance(tx *gorm.DB, id pfid.ID) (i instanceNow, err error) {
	i, isKnown := b.instances[id]
	if isKnown {
		return i, nil
	}
	if i, err = reportedTo(tx, b.scope, id); err == nil {
		b.instances[id] = i
	}
	return i, err
}

// report makes one change.
func (b *spanBatch) report(tx *gorm.DB, i int, r activity.SpanReport) (err error) {
	row := &b.rows[i]
	if r.Finish != nil {
		b.rows[i], err = b.finish(tx, r, row.result)
		return err
	}
	to, err := b.instance(tx, row.InstanceID)
	if err != nil {
		return err
	}
	row.instance, row.AgentID = to.number, to.agent
	if b.isNew[i], err = insertSpan(tx, row, r.Creation); err != nil {
		return err
	}
	if b.isNew[i] {
		added := b.change(row.InstanceID)
		added.count(row.Status, 1)
		added.bytes += row.size
		return nil
	}
	earlier, err := earlierSpan(tx, b.scope, row, r.Creation)
	if err == nil {
		earlier = earlier.asCreated()
		err = earlier.reserve(r.Reserve, 0)
	}
	if err == nil {
		b.rows[i] = earlier
		b.change(earlier.InstanceID)
	}
	return err
}

// reserve calls reserve with the bytes of the row's payloads and more.
func (s *spanRow) reserve(reserve func(bytes int) error, more int) error {
	if reserve == nil {
		return nil
	}
	return reserve(s.payload.unpackedSize() + s.result.unpackedSize() + more)
}

// end writes what changed on the instances and in total.
func (b *spanBatch) end(tx *gorm.DB) (err error) {
	bytes := 0
	for _, id := range b.order {
		c := b.changes[id]
		if c.to, err = c.applyTo(tx, b.scope, id); err != nil {
			return err
		}
		bytes += c.bytes
	}
	if bytes != 0 {
		_, err = exec(tx, addActivityBytes+"?", bytes, b.scope.AccountID)
	}
	return err
}

// finish finishes a span and returns its row. A finished one stays as it is.
func (b *spanBatch) finish(tx *gorm.DB, r activity.SpanReport, result packed) (row spanRow, err error) {
	row, ok, err := spanOf(tx, b.scope, "t.account_id = ? AND t.id = ?", b.scope.AccountID, r.ID)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "There is no such agent span.")
	}
	if err == nil {
		err = row.reserve(r.Reserve, len(r.Finish.Result))
	}
	if err != nil {
		return row, err
	}
	done := b.change(row.InstanceID)
	if row.Status.IsFinished() {
		return row, nil
	}
	before, finish := row, r.Finish
	row.Status, row.result, row.FinishedAt, row.UpdatedAt = finish.Status, result, finish.At, b.at
	if finish.SensitiveEncoding != nil {
		if row.encodings == nil { // the first is that of the creation
			row.encodings = encodings{json.RawMessage("null")}
		}
		row.encodings = append(row.encodings, finish.SensitiveEncoding)
	}
	row.size = sizeOf(&row)
	done.count(before.Status, -1)
	done.count(row.Status, 1)
	done.bytes += row.size - before.size
	_, err = exec(tx, "UPDATE agent_spans SET status = ?, result_payload = ?, sensitive_encoding = ?, finished_at = ?, size = ?, updated_at = ? WHERE number = ?",
		row.Status, row.result, row.encodings, stamp(row.FinishedAt), row.size, stamp(row.UpdatedAt), row.number)
	return row, err
}
