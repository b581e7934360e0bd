/* What another library needs. Says what it is by a number, which the Makefile can change. */

#ifndef NUMBER
#define NUMBER 40
#endif

int dep_number(void);

int dep_number(void)
{
	return NUMBER;
}
