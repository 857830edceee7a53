-- CREATE TABLE fake (id int);
CREATE TABLE IF NOT EXISTS public.users (
  id serial PRIMARY KEY, /* create view fake2 */
  name text DEFAULT 'create table fake3'
);
create or replace function add(a int, b int) returns int as $$
create table in_body (x int);
$$ language sql;
CREATE UNIQUE INDEX users_name ON users (name);
CREATE MATERIALIZED VIEW "active users" AS SELECT 1;
