-- name: Record :exec
INSERT INTO gateway.audit (actor, action, subject, detail) VALUES (@actor, @action, @subject, @detail);
