-- A page cache of SQLite: a table and its index, in memory. `bench/run cache`
-- says how many rows, and has some of them updated afterwards, again and again:
-- what a checkpoint of it holds is for that.
CREATE TABLE entry (id INTEGER PRIMARY KEY, name TEXT, amount REAL, note TEXT);
CREATE INDEX by_name ON entry (name);
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $rows)
INSERT INTO entry
  SELECT n, 'customer ' || (n * 7919 % 100003), n * 37 % 1000 / 8.0,
         'order ' || n || ' of ' || char(65 + n % 26, 97 + n % 7, 97 + n % 11)
  FROM number;
