package doorward.admin

default allow := false
