"""The unmodified OpenAI client against akin."""
import pytest

openai = pytest.importorskip("openai")


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="unused", max_retries=0) as c:
        yield c


def test_embeddings(client):
    # The client asks for base64 unless it is told otherwise, and decodes it.
    one = client.embeddings.create(model="text-embedding-3-small", input="pumpkin soup")
    floats = client.embeddings.create(model="akin", input=["pumpkin soup", "a tram"], encoding_format="float")
    assert one.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert [x.index for x in floats.data] == [0, 1] and floats.usage.total_tokens > one.usage.total_tokens > 0
    assert len(client.embeddings.create(model="akin", input="x", dimensions=8).data[0].embedding) == 8


def test_models(client):
    names = [m.id for m in client.models.list()]
    assert names and client.models.retrieve("akin").id == names[0]


def test_errors(client):
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="gpt-9", input="x")
    with pytest.raises(openai.BadRequestError) as e:
        client.embeddings.create(model="text-embedding-3-small", input=[1, 2, 3])
    assert e.value.param == "input"
