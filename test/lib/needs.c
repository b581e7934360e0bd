/* A library that needs dep.so. The Makefile links it with dep.so and a run path, with dep.so and none, and without. */

int dep_number(void);
int needs_number(void);

int needs_number(void)
{
	return dep_number() + 2;
}
