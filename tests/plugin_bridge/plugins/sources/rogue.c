/* A library that misbehaves as soon as it is loaded, in the way that MODE says. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
#if MODE == 1
    exit(0);
#elif MODE == 2
    _exit(7);
#elif MODE == 3
    abort();
#elif MODE == 4
    raise(SIGSEGV);
#elif MODE == 5
    for (;;)
        sleep(60);
#elif MODE == 6
    for (;;)
        memset(malloc(1 << 24), 1, 1 << 24);
#elif MODE == 7
    raise(SIGKILL);
#elif MODE == 8
    /* What it starts keeps every pipe open that it inherits. */
    if (fork() == 0)
        for (;;)
            sleep(60);
    _exit(0);
#elif MODE == 9
    for (int i = 0; i < 100000; i++)
        puts("{\"plugins\": [], \"problem\": \"\"}");
#endif
}
