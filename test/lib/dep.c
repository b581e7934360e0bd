/* A dependency of other libraries. Its number, which the Makefile can change, says which build it is. */

#ifndef NUMBER
#define NUMBER 40
#endif

int dep_number(void);

int dep_number(void)
{
	return NUMBER;
}
