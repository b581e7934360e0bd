"""The peer gunicorn: a WSGI application that answers as examples/service does. load(FILE) returns it."""

MODEL_SIZE = 64 << 20
BODY_MAX = 100


def validate(text):
    x, y = (float(number) for number in text.split(" "))
    if not (abs(x) <= 1e6 and abs(y) <= 1e6):
        raise ValueError
    return x, y


def load(path):
    with open(path) as file:
        centres = [tuple(float(number) for number in line.split()) for line in file]
    ballast = bytearray(b"m") * MODEL_SIZE  # as in ballast.c

    def predict(x, y):
        return min(range(len(centres)), key=lambda i: (x - centres[i][0]) ** 2 + (y - centres[i][1]) ** 2)

    def application(environ, start_response):
        assert ballast
        try:
            status, text = "200 OK", f"{predict(*validate(environ['wsgi.input'].read(BODY_MAX + 1).decode()))}\n"
        except ValueError:
            status, text = "400 Bad Request", "the body must be two numbers\n"
        start_response(status, [("Content-Length", str(len(text)))])
        return [text.encode()]

    return application
