-- +goose Up
-- Entries of deleted tokens stay: no clock says when one is not needed any more. Without the expiry, and in the index of
-- their key alone, a million of them take about 11 MB.
CREATE TABLE kept_entries (
    status_list  BIGINT NOT NULL,
    status_index BIGINT NOT NULL,
    PRIMARY KEY (status_list, status_index)
) WITHOUT ROWID;
INSERT INTO kept_entries (status_list, status_index) SELECT status_list, status_index FROM deleted_status_entries ORDER BY status_list, status_index;
DROP TABLE deleted_status_entries;
ALTER TABLE kept_entries RENAME TO deleted_status_entries;

-- +goose Down
-- There is no way down: a backup copy is made before each way up.
SELECT 1;
