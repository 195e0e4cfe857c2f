select id, name, sold from best_sellers where category = 'kitchen' order by sold desc limit 10;
