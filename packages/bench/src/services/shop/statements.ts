// The texts that all sides of the shop use.

export const SEARCH = "select id, name, price from shop_item where name like $1 || '%' order by name limit 10";
export const ADD_TO_CART =
  'insert into shop_cart (customer, item, quantity) values ($1, $2, 1) on conflict (customer, item) do update set quantity = shop_cart.quantity + 1';
/** Takes the stock in the order of the items, so that two checkouts never wait for each other in a circle. */
export const RESERVE = `
  with cart as (delete from shop_cart where customer = $1 returning item, quantity),
       locked as (select i.id, i.price, c.quantity from shop_item i join cart c on c.item = i.id order by i.id for update of i),
       taken as (update shop_item i set stock = i.stock - l.quantity from locked l where i.id = l.id returning i.id, l.quantity, l.price),
       lines as (insert into shop_line (order_id, item, quantity, price) select $2, id, quantity, price from taken returning quantity * price as amount)
  select coalesce(sum(amount), 0)::int as total from lines`;
export const CREATE_ORDER = "insert into shop_order (id, customer, total, status) values ($1, $2, $3, 'open')";
export const MARK_PAID = "update shop_order set status = 'paid' where id = $1";
export const ADD_ITEM = 'insert into shop_item (name, price, stock) values ($1, $2, 1000000) returning id';
export const CHANGE_PRICE = 'update shop_item set price = $2 where id = $1';
