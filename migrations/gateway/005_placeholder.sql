-- Holds the number of a migration that is written elsewhere.
SELECT 1;

---- create above / drop below ----

SELECT 1;
