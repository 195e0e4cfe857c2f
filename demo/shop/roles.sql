-- roles.sql: who is who, and a database for the shop.
--
-- shop_owner owns the shop's objects, shop_app is what the application logs
-- in as, and dba is the person who is asked.  Run in the home database.

create role shop_owner login;
create role shop_app login;
create role dba login in role homeostasis_admin;

create database shop owner shop_owner;
alter role shop_app in database shop set search_path = shop, public;
alter role shop_owner in database shop set search_path = shop, public;
