/* A library without a build-id: its functions are identified by its program headers and their first bytes. */

int plain_add(int a, int b);
int plain_multiply(int a, int b);
int plain_seven(void);

int plain_add(int a, int b)
{
	return a + b;
}

int plain_multiply(int a, int b)
{
	return a * b + 1;
}

int plain_seven(void)
{
	return 7;
}
