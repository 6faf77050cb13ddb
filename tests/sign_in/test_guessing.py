"""How often one may guess, and what the answers give away."""

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from pytest_django.fixtures import Settings

from tests.factories import PASSWORD, make_user
from tests.sign_in.signing_in import LOGIN, TOO_OFTEN, WRONG, is_in, sign_in, without_csrf

pytestmark = pytest.mark.django_db


def test_a_name_is_refused_after_five_failures_even_with_the_right_password() -> None:
    user, client = make_user(), Client()
    answers = [without_csrf(sign_in(client, user.username, "wrong")) for _ in range(5)]

    response = sign_in(client, user.username, PASSWORD)

    assert all(WRONG in answer for answer in answers)
    assert TOO_OFTEN in response.content.decode()
    assert not is_in(client)


def test_upper_case_letters_are_no_way_round_the_limit() -> None:
    user, client = make_user(username="clinician"), Client()
    for name in ("clinician", "Clinician", "CLINICIAN", "cLinician", "clInician"):
        sign_in(client, name, "wrong")

    response = sign_in(client, user.username, PASSWORD)

    assert TOO_OFTEN in response.content.decode()


def test_other_host_names_are_no_way_round_the_limit() -> None:
    user, client = make_user(), Client()
    for host in ("127.0.0.1", "localhost", "127.0.0.1", "localhost", "127.0.0.1"):
        client.post(LOGIN, {"login": user.username, "password": "wrong"}, headers={"Host": host})

    response = client.post(
        LOGIN, {"login": user.username, "password": PASSWORD}, headers={"Host": "localhost"}
    )

    assert TOO_OFTEN in response.content.decode()


def test_who_guesses_elsewhere_does_not_lock_a_clinician_out() -> None:
    user, client = make_user(), Client()
    for _ in range(6):
        sign_in(Client(), user.username, "wrong", address="10.6.6.6")

    sign_in(client, user.username, PASSWORD, address="10.0.0.1")

    assert is_in(client)


def test_an_address_is_refused_after_twenty_failures_with_whatever_names() -> None:
    user, client = make_user(), Client()
    for number in range(20):
        sign_in(client, f"nobody{number}", "wrong")

    response = sign_in(client, user.username, PASSWORD)

    assert TOO_OFTEN in response.content.decode()


def test_a_forwarded_address_is_not_believed_without_a_proxy() -> None:
    user, client = make_user(), Client()
    data = {"login": user.username, "password": "wrong"}
    for number in range(5):
        client.post(LOGIN, data, headers={"X-Forwarded-For": f"10.9.9.{number}"})

    response = client.post(LOGIN, {**data, "password": PASSWORD}, headers={"X-Forwarded-For": "10.9.9.99"})

    assert TOO_OFTEN in response.content.decode()


def test_success_does_not_use_up_attempts() -> None:
    user = make_user()

    clients = [Client() for _ in range(7)]
    for client in clients:
        sign_in(client, user.username, PASSWORD)

    assert all(is_in(client) for client in clients)


def test_an_unknown_name_gets_the_same_answer_as_a_wrong_password() -> None:
    make_user(username="known-one")

    known = sign_in(Client(), "known-one", "wrong")
    unknown = sign_in(Client(), "other-one", "wrong")

    assert known.status_code == unknown.status_code == 200
    assert without_csrf(known).replace("known-one", "") == without_csrf(unknown).replace("other-one", "")


def test_an_unknown_name_gets_the_same_answer_when_it_was_tried_too_often() -> None:
    make_user(username="known-one")

    known = [sign_in(Client(), "known-one", "wrong", "10.0.0.2") for _ in range(6)][-1]
    unknown = [sign_in(Client(), "other-one", "wrong", "10.0.0.3") for _ in range(6)][-1]

    assert TOO_OFTEN in known.content.decode()
    assert without_csrf(known).replace("known-one", "") == without_csrf(unknown).replace("other-one", "")


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password is hashed: what a clock would measure, without a clock."""

    algorithm = "counting"
    count = 0

    def encode(self, password: str, salt: str) -> str:
        CountingHasher.count += 1
        return super().encode(password, salt)


def test_an_unknown_name_costs_as_much_hashing_as_a_wrong_password(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["tests.sign_in.test_guessing.CountingHasher"]
    make_user(username="known-one")
    CountingHasher.count = 0
    sign_in(Client(), "known-one", "wrong")
    known = CountingHasher.count
    CountingHasher.count = 0

    sign_in(Client(), "other-one", "wrong")

    assert CountingHasher.count == known > 0
