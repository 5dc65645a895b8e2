# Who may read what in the enterprise corpus: everybody what is public, people
# what names them, departments what names them.
package doorward.access

default allow := false

allow if input.document.public

allow if input.subject.id in input.document.users

allow if {
	some department in input.document.departments
	department in input.subject.groups
}
