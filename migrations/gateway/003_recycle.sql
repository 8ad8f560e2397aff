-- A restart in order that was asked for, until it is done: a container older than this is stopped.
ALTER TABLE gateway.slices ADD COLUMN recycle_at timestamptz;

---- create above / drop below ----

ALTER TABLE gateway.slices DROP COLUMN recycle_at;
