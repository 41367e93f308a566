-- A table, an index, joins, sums and sorting, in memory.
create table item (id integer primary key, shelf int, name text, weight real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 9000)
insert into item select i, i * 7919 % 211, 'item ' || (i * 31 % 4001), i * 0.37 from n;
create index item_shelf on item (shelf);
create index item_name on item (name);
select shelf, count(*), sum(weight) from item group by shelf order by 3 desc limit 5;
select count(*) from item a join item b on a.name = b.name where a.id < b.id;
update item set weight = weight * 1.01 where shelf % 3 = 0;
delete from item where id % 11 = 0;
select name, weight from item where name like '%77%' order by weight desc limit 5;
select sum(length(name) * shelf), max(weight) from item;
