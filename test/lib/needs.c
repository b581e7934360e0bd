/* A library that needs dep.so. The Makefile builds it with dep.so and a run path, with dep.so only, and without
 * both. */

int dep_number(void);
int needs_number(void);

int needs_number(void)
{
	return dep_number() + 2;
}
