-- When releases were made, by study and over all. In the table it comes after the body, so that reading it there means walking through the
-- whole body of every release that is put in order.
CREATE INDEX releases_by_time ON releases (released_at);
CREATE INDEX releases_by_study ON releases (study, released_at);
