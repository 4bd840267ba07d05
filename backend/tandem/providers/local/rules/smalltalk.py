"""The courtesies of a call, each in a sentence."""

import re

from tandem.providers.local.rules.request import Request

_JOKES = (
    "Why did the telephone wear glasses? It had lost its contacts.",
    "I would tell you a joke about a dropped call, but you might not get it.",
    "Parallel lines have so much in common. It is a shame that they will never meet.",
    "There are two kinds of people: those who can finish a sentence.",
)
_JOKE = re.compile(
    r"(?:tell me |do you know |say )?(?:a|another|one more|some)? ?(?:good |funny )?jokes?|make me laugh"
    r"|(?:tell|say) something funny|be funny"
)
_COURTESIES = tuple(
    (re.compile(pattern), reply)
    for pattern, reply in (
        (
            r"(?:hi|hello|hey|hiya|howdy|greetings)(?: there| tandem| you| again| everyone)?|tandem",
            "Hello, I am listening.",
        ),
        (r"good (?P<part>morning|afternoon|evening|day)(?: to you| tandem)?", "Good {part} to you."),
        (r"good night|sleep well", "Good night, sleep well."),
        (
            r"(?:and )?how (?:are|do) you(?: do| doing| feeling| today)*|how is it going|how are things|what is up",
            "I am well, thank you. What can I do for you?",
        ),
        (
            r"i am (?:okay|all right)|(?:i am )?(?:fine|good|great|well)(?: too)?(?: thank you| thanks)?",
            "Good to hear.",
        ),
        (r"(?:it is )?nice to meet you(?: too)?(?: tandem)?", "Nice to meet you too."),
        (r"i have (?:a|another|one more) question|(?:can|may) i ask (?:you )?(?:a question|something)", "Go ahead."),
        (r"(?:thank you|thanks|cheers|many thanks)(?: so| very)*(?: much| a lot| tandem| again)*", "You are welcome."),
        (
            r"(?:good ?bye|bye|bye bye|see you|see you (?:later|soon|tomorrow)|so long|farewell|that is all"
            r"|talk to you later)(?: bye| tandem| now| then)*",
            "Goodbye, and thank you for calling.",
        ),
        (
            r"(?:who|what) are you|what is your name|what are you called|introduce yourself"
            r"|who is (?:this|there|speaking)|(?:am i|are you) (?:talking to )?(?:an? )?"
            r"(?:human|person|robot|machine|computer|bot|ai|real)(?: person)?",
            "I am Tandem, a voice gateway. I answer from a small book of rules.",
        ),
        (
            r"(?:hello )?(?:(?:can|do) you )?(?:hear|understand) me(?: now| okay| well)?|are you (?:still )?there",
            "Yes, I hear you.",
        ),
        (r"(?:this is a )?test(?:ing)?(?: test(?:ing)?| one| two| three| 1| 2| 3)*", "I hear you well."),
        (r"(?:i am )?(?:very |so )?sorry(?: about that)?|excuse me|my apologies", "No problem at all."),
        (
            r"(?:stop|quiet|be quiet|never mind|nevermind|cancel|wait|hold on)"
            r"(?: (?:it|that|there|now|please|wait|talking|a|moment|second|minute))*",
            "All right.",
        ),
        (r"(?:yes|yeah|yep|no|nope|sure|okay|ok|all right|right|exactly|i see|cool|nice|great|wow)", "All right."),
        (r"i (?:love|like) (?:you|it|this|that)", "That is kind of you."),
    )
)


def answer(request: Request) -> str | None:
    text = request.text
    if _JOKE.fullmatch(text):
        return _JOKES[len(request.earlier) // 2 % len(_JOKES)]
    for pattern, reply in _COURTESIES:
        if match := pattern.fullmatch(text):
            return reply.format_map(match.groupdict())
    return None
